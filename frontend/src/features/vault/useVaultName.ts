// The name under which a password manager may keep the vault's secret: not the account's, whose password is another.
import { useSession } from "@/app/queries";

export function useVaultName(): string {
  const email = useSession().data?.user.email;
  return email ? `vault of ${email}` : "vault";
}
