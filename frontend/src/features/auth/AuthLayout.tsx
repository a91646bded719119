// The frame around sign-in and the vault's doors: one column, and beside it what the product promises.
import type { ReactNode } from "react";
import { Icon, type IconName } from "@/ui/icons";
import { Logo } from "@/ui/Logo";

const promises: [IconName, string][] = [
  ["lock", "Every picture is sealed in your home, the moment it is recorded."],
  ["key", "Only this browser, with your secret, can open it."],
  ["shield", "No server in between holds a key. Not ours either."],
];

export function AuthLayout({ title, lead, children }: { title: string; lead?: ReactNode; children: ReactNode }) {
  return (
    <main className="grid min-h-dvh lg:grid-cols-[minmax(20rem,5fr)_7fr]">
      <title>{`${title} · Guardian`}</title>
      <aside className="relative hidden overflow-hidden bg-sunken p-12 lg:flex lg:flex-col lg:justify-between">
        <Logo />
        <ClosedLids />
        <ul className="relative grid gap-4">
          {promises.map(([icon, text]) => (
            <li key={text} className="flex items-start gap-3 text-soft">
              <Icon name={icon} className="mt-0.5 text-primary" />
              {text}
            </li>
          ))}
        </ul>
      </aside>
      <div className="grid content-start justify-items-center px-5 py-8 sm:content-center">
        <div className="w-full max-w-md">
          <div className="mb-10 lg:hidden">
            <Logo />
          </div>
          <h1 className="text-2xl font-semibold">{title}</h1>
          {lead && <p className="mt-2 mb-7 text-soft">{lead}</p>}
          {children}
        </div>
      </div>
    </main>
  );
}

/** The mark, large and quiet: rings around a half-closed lens. */
function ClosedLids() {
  return (
    <svg viewBox="0 0 400 400" fill="none" aria-hidden="true" className="absolute top-1/2 -right-36 w-[34rem] -translate-y-1/2">
      {[196, 164, 132].map((radius) => (
        <circle key={radius} cx="200" cy="200" r={radius} className="stroke-line" strokeWidth="1.5" />
      ))}
      <circle cx="200" cy="200" r="100" className="stroke-line-strong" strokeWidth="2" />
      <path d="M128 200h144a72 72 0 0 1-144 0Z" className="fill-primary" opacity=".92" />
      <path d="M84 200h232" className="stroke-line-strong" strokeWidth="2" />
      <circle cx="200" cy="152" r="9" className="fill-lamp-glow" />
    </svg>
  );
}
