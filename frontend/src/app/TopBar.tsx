// Above every page: whether updates arrive live, what is not yet confirmed, and the lock.
import { Link } from "react-router";
import { Button } from "@/ui/Button";
import { Pill } from "@/ui/Feedback";
import { Icon } from "@/ui/icons";
import { Mark } from "@/ui/Logo";
import { announce } from "@/ui/announce";
import { useUnconfirmed } from "@/features/devices/useEdgeTrust";
import { useConnection } from "./live";
import { lockVault, useVault } from "./vault";

export function TopBar() {
  const status = useVault((state) => state.status);
  const waiting = useUnconfirmed().length;
  const lock = (): void => {
    lockVault();
    announce("Vault locked. Nothing is shown until you open it again.");
  };
  return (
    <header className="sticky top-0 z-20 border-b border-line bg-paper/95 backdrop-blur-sm">
      <div className="mx-auto flex min-h-14 max-w-6xl items-center gap-3 px-4 sm:px-6 lg:px-8">
      <Link to="/events" aria-label="Private AI Guardian, events" className="rounded-md md:hidden">
        <Mark size={30} />
      </Link>
      <ConnectionState />
      <span className="ml-auto" />
      {waiting > 0 && (
        <Link to="/devices" className="rounded-full">
          <Pill tone="lamp" icon="warning" testId="unconfirmed-badge">
            Unconfirmed<span className="max-sm:sr-only"> edge</span>
          </Pill>
        </Link>
      )}
      {status === "open" ? (
        <Button icon="lock" onClick={lock} data-testid="lock-button">
          Lock
        </Button>
      ) : (
        <Pill icon="lock">{status === "absent" ? "No vault yet" : status === "locked" ? "Locked" : "Vault"}</Pill>
      )}
      </div>
    </header>
  );
}

const words = {
  live: "Live",
  connecting: "Connecting",
  offline: "Offline",
} as const;

function ConnectionState() {
  const state = useConnection((store) => store.state);
  return (
    <span className="flex items-center gap-2 text-sm text-soft" data-testid="connection" role="status">
      {state === "live" ? (
        <span className="size-2 rounded-full bg-ok" aria-hidden="true" />
      ) : state === "connecting" ? (
        <span className="size-2 animate-lamp rounded-full bg-lamp-glow" aria-hidden="true" />
      ) : (
        <Icon name="warning" size={16} className="text-danger" />
      )}
      {words[state]}
      {state === "offline" && <span className="text-faint max-sm:sr-only">· trying again</span>}
    </span>
  );
}
