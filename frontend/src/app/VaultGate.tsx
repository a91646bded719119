// Lets a page through when the vault is open. Otherwise shows the way to open it, and nothing of what it holds.
import { lazy, Suspense, useEffect, type ReactNode } from "react";
import { useLocation } from "react-router";
import { ErrorState, Skeleton } from "@/ui/Feedback";
import { useSession } from "./queries";
import { loadVault, useVault } from "./vault";

const SetupWizard = lazy(() => import("@/features/vault/SetupWizard"));
const UnlockPanel = lazy(() => import("@/features/vault/UnlockPanel"));

export function VaultGate({ children }: { children: ReactNode }) {
  const tenant = useSession().data?.tenant.id;
  const { status, error, fault } = useVault();
  const { pathname } = useLocation();
  useEffect(() => {
    if (tenant) void loadVault(tenant);
  }, [tenant]);

  // Signing out and the theme need no vault.
  if (pathname === "/settings" && status !== "loading") return children;
  return <Suspense fallback={<Skeleton className="h-64" />}>{inner()}</Suspense>;

  function inner(): ReactNode {
    if (status === "open") return children;
    if (status === "locked") return <UnlockPanel />;
    if (status === "absent") return <SetupWizard />;
    if (status === "failed" && fault) return null; // The alarm above says it all.
    if (status === "failed") return <ErrorState error={error} retry={() => tenant && void loadVault(tenant)} />;
    return <Skeleton className="h-64" />;
  }
}
