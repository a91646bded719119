// Signing in to the account. The vault's secret is another thing, asked for later, and never sent.
import { useEffect, useState, type FormEvent } from "react";
import { useMutation } from "@tanstack/react-query";
import { Navigate, useLocation } from "react-router";
import { api } from "@/api";
import { ApiError } from "@/api/errors";
import { keys, queryClient, useSession } from "@/app/queries";
import { rememberSignedIn } from "@/app/signed";
import { leaveVault } from "@/app/vault";
import { Button } from "@/ui/Button";
import { Banner, sentence } from "@/ui/Feedback";
import { SecretField, TextField } from "@/ui/Field";
import { AuthLayout } from "./AuthLayout";

export default function LoginPage() {
  const session = useSession();
  const location = useLocation();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const login = useMutation({
    mutationFn: () => api.login(email.trim(), password),
    onSuccess: (answer) => {
      // Nothing of whoever was signed in before is to be seen.
      queryClient.removeQueries({ predicate: (query) => query.queryKey[0] !== keys.session[0] });
      rememberSignedIn();
      queryClient.setQueryData(keys.session, answer);
    },
  });

  const out = session.isError;
  // A session that ended elsewhere must not leave the vault open behind this page.
  useEffect(() => {
    if (out) leaveVault();
  }, [out]);

  const back = (location.state as { from?: string } | null)?.from;
  if (session.data && !out) return <Navigate to={back?.startsWith("/") ? back : "/events"} replace />;

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    login.mutate();
  };
  const wrong = login.error instanceof ApiError && login.error.status === 401;

  return (
    <AuthLayout title="Sign in" lead="Your account finds your cameras. What they saw stays sealed until you open your vault.">
      <form className="grid gap-5" onSubmit={submit}>
        {login.error && (
          <Banner tone="danger" icon="warning" alarm={false}>
            {wrong ? "This email and password do not belong together. Check both and try again." : sentence(login.error)}
          </Banner>
        )}
        <TextField label="Email" type="email" name="email" autoComplete="username" required data-testid="login-email" value={email} onChange={(e) => setEmail(e.target.value)} />
        <SecretField label="Password" name="password" autoComplete="current-password" required data-testid="login-password" value={password} onChange={(e) => setPassword(e.target.value)} />
        <Button type="submit" look="primary" busy={login.isPending} data-testid="login-submit">
          Sign in
        </Button>
      </form>
    </AuthLayout>
  );
}
