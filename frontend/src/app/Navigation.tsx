// Where one can go: a rail on wide screens, a bar at the thumb on phones. The same four places.
import { NavLink } from "react-router";
import { cx } from "@/ui/cx";
import { Icon, type IconName } from "@/ui/icons";
import { Logo } from "@/ui/Logo";
import { useUnconfirmed } from "@/features/devices/useEdgeTrust";
import { useSession } from "./queries";

const places: { to: string; icon: IconName; name: string }[] = [
  { to: "/events", icon: "events", name: "Events" },
  { to: "/cameras", icon: "camera", name: "Cameras" },
  { to: "/devices", icon: "device", name: "Devices" },
  { to: "/settings", icon: "settings", name: "Settings" },
];

export function SideNav() {
  const session = useSession();
  return (
    <aside className="sticky top-0 hidden h-dvh flex-col border-r border-line bg-sunken px-4 py-5 md:flex">
      <NavLink to="/events" className="mb-8 rounded-md px-2">
        <Logo />
      </NavLink>
      <nav aria-label="Main" className="grid gap-1">
        {places.map((place) => (
          <NavLink
            key={place.to}
            to={place.to}
            className={({ isActive }) =>
              cx(
                "relative flex min-h-11 items-center gap-3 rounded-md px-3 text-sm font-medium transition-colors",
                isActive ? "bg-surface text-ink shadow-card before:absolute before:inset-y-2.5 before:-left-4 before:w-1 before:rounded-full before:bg-primary" : "text-soft hover:bg-surface hover:text-ink",
              )
            }
          >
            <Icon name={place.icon} />
            {place.name}
            {place.to === "/devices" && <WaitingDot />}
          </NavLink>
        ))}
      </nav>
      <p className="mt-auto px-3 text-xs wrap-anywhere text-faint">
        {session.data?.tenant.name}
        <br />
        {session.data?.user.email}
      </p>
    </aside>
  );
}

export function BottomNav() {
  return (
    <nav aria-label="Main" className="fixed inset-x-0 bottom-0 z-30 grid grid-cols-4 border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] md:hidden">
      {places.map((place) => (
        <NavLink
          key={place.to}
          to={place.to}
          className={({ isActive }) => cx("relative grid min-h-16 content-center justify-items-center gap-1 text-xs font-medium", isActive ? "text-primary" : "text-soft")}
        >
          {({ isActive }) => (
            <>
              {isActive && <span className="absolute top-0 h-0.5 w-10 rounded-full bg-primary" aria-hidden="true" />}
              <span className="relative">
                <Icon name={place.icon} size={22} />
                {place.to === "/devices" && <WaitingDot corner />}
              </span>
              {place.name}
            </>
          )}
        </NavLink>
      ))}
    </nav>
  );
}

function WaitingDot({ corner }: { corner?: boolean }) {
  const waiting = useUnconfirmed().length;
  if (waiting === 0) return null;
  return (
    <span className={cx("grid min-w-5 place-items-center rounded-full bg-lamp-wash px-1 text-xs font-semibold text-lamp", corner ? "absolute -top-2 -right-3" : "ml-auto")}>
      {waiting}
      <span className="sr-only"> to confirm</span>
    </span>
  );
}
