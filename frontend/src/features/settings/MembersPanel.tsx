// Who belongs to the household, as the checked roster says.
import { useVault } from "@/app/vault";
import { Panel, Pill } from "@/ui/Feedback";
import { Icon } from "@/ui/icons";

export function MembersPanel() {
  const { vault } = useVault();
  if (!vault) return null;
  const { members, entries, hashes, epochs } = vault.roster;
  const head = hashes[hashes.length - 1] ?? "";
  return (
    <Panel title="Members">
      <ul className="grid gap-3">
        {[...members.values()].map((member) => (
          <li key={member.id} className="flex items-center gap-3">
            <span className="grid size-10 place-items-center rounded-full bg-primary-wash text-primary">
              <Icon name="person" />
            </span>
            <span className="min-w-0 flex-1 truncate font-medium">{member.name}</span>
            {member.id === vault.memberId && <Pill tone="primary">You</Pill>}
          </li>
        ))}
      </ul>
      <p className="mt-5 border-t border-line pt-4 text-sm text-faint">
        This browser has checked the household&rsquo;s roster of {entries.length} {entries.length === 1 ? "entry" : "entries"}, key epoch {epochs.length}, and remembers its newest as{" "}
        <span className="font-mono break-all text-soft">{head.slice(0, 16)}…</span>. It refuses an older or another one.
      </p>
    </Panel>
  );
}
