// Addresses that lead nowhere, and routes that broke.
import { useRouteError } from "react-router";
import { Button, ButtonLink } from "@/ui/Button";
import { EmptyState, ErrorState } from "@/ui/Feedback";

export function NotFound() {
  return (
    <EmptyState icon="lid" title="There is nothing here" action={<ButtonLink to="/events" look="primary">Go to events</ButtonLink>}>
      The address does not lead to a page.
    </EmptyState>
  );
}

export function RouteError() {
  const error = useRouteError();
  const stale = error instanceof TypeError && /import|module|fetch/i.test(error.message);
  return (
    <main className="mx-auto grid min-h-dvh max-w-xl content-center gap-4 p-6">
      {stale ? (
        <EmptyState icon="refresh" title="A new version is here" action={<Button look="primary" onClick={() => window.location.reload()}>Reload</Button>}>
          This page was updated, or the connection was lost. Reload to go on; your vault will ask to be opened again.
        </EmptyState>
      ) : (
        <ErrorState error={error} retry={() => window.location.reload()} />
      )}
    </main>
  );
}
