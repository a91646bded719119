// Who is signed in, and the way out.
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { api } from "@/api";
import { queryClient, useSession } from "@/app/queries";
import { forgetSignedIn } from "@/app/signed";
import { leaveVault } from "@/app/vault";
import { Button } from "@/ui/Button";
import { Panel, sentence } from "@/ui/Feedback";

export function AccountPanel() {
  const session = useSession().data;
  const navigate = useNavigate();
  const logout = useMutation({
    // The vault is locked first: whatever the server answers, nothing stays open here.
    mutationFn: async () => {
      leaveVault();
      await api.logout();
      forgetSignedIn();
    },
    onSuccess: async () => {
      await navigate("/login", { replace: true });
      queryClient.clear();
    },
  });
  return (
    <Panel
      title="Account"
      action={
        <Button icon="logout" busy={logout.isPending} onClick={() => logout.mutate()} data-testid="logout">
          Sign out
        </Button>
      }
    >
      <dl className="grid gap-4 text-sm sm:grid-cols-3">
        {[
          ["Name", session?.user.name],
          ["Email", session?.user.email],
          ["Household", session?.tenant.name],
        ].map(([name, value]) => (
          <div key={name} className="min-w-0">
            <dt className="text-faint">{name}</dt>
            <dd className="truncate font-medium">{value || "not given"}</dd>
          </div>
        ))}
      </dl>
      {logout.error ? (
        <p role="alert" className="mt-4 text-sm text-danger">
          Your vault is locked, but signing out failed. {sentence(logout.error)}
        </p>
      ) : null}
    </Panel>
  );
}
