// Account, vault and appearance. What touches the vault needs it open.
import { useVault } from "@/app/vault";
import { PageHeader } from "@/ui/Feedback";
import { AccountPanel } from "./AccountPanel";
import { AppearancePanel } from "./AppearancePanel";
import { MembersPanel } from "./MembersPanel";
import { VaultPanel } from "./VaultPanel";

export default function SettingsPage() {
  const open = useVault((state) => state.status === "open");
  return (
    <>
      <PageHeader title="Settings" />
      <div className="grid max-w-3xl gap-6">
        <AccountPanel />
        {open && <VaultPanel />}
        {open && <MembersPanel />}
        <AppearancePanel />
      </div>
    </>
  );
}
