// The frame of every signed-in page: navigation, connection, the lock, and what stands in the way of the page itself.
import { Suspense } from "react";
import { Navigate, Outlet, ScrollRestoration, useLocation } from "react-router";
import { ApiError } from "@/api/errors";
import { LiveRegion } from "@/ui/announce";
import { ErrorState, Skeleton } from "@/ui/Feedback";
import { Opening } from "./Opening";
import { BottomNav, SideNav } from "./Navigation";
import { useSession } from "./queries";
import { RosterAlarm } from "./RosterAlarm";
import { TopBar } from "./TopBar";
import { useLiveUpdates } from "./live";
import { VaultGate } from "./VaultGate";

export function Shell() {
  const session = useSession();
  const location = useLocation();

  if (session.isPending) return <Opening />;
  if (session.error instanceof ApiError && session.error.status === 401) {
    return <Navigate to="/login" replace state={{ from: location.pathname + location.search }} />;
  }
  if (!session.data) {
    return (
      <main className="mx-auto grid min-h-dvh max-w-xl content-center p-6">
        <ErrorState error={session.error} retry={() => void session.refetch()} />
      </main>
    );
  }
  return <Signed />;
}

function Signed() {
  useLiveUpdates();
  return (
    <div className="min-h-dvh md:grid md:grid-cols-[15rem_minmax(0,1fr)]">
      <a href="#main" className="sr-only rounded-md bg-primary px-4 py-2 text-on-primary focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50">
        Skip to the page
      </a>
      <SideNav />
      <div className="min-w-0 pb-20 md:pb-0">
        <TopBar />
        <main id="main" tabIndex={-1} className="mx-auto max-w-6xl px-4 py-6 outline-none sm:px-6 lg:px-8">
          <RosterAlarm />
          <VaultGate>
            <Suspense fallback={<Skeleton className="h-64" />}>
              <Outlet />
            </Suspense>
          </VaultGate>
        </main>
      </div>
      <BottomNav />
      <LiveRegion />
      <ScrollRestoration />
    </div>
  );
}
