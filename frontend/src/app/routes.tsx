// Every route of the page. Each is its own chunk, fetched when it is first shown.
import { createBrowserRouter, Navigate } from "react-router";
import { Opening } from "./Opening";
import { Shell } from "./Shell";
import { NotFound, RouteError } from "./NotFound";

export const router = createBrowserRouter([
  { path: "/login", HydrateFallback: Opening, lazy: async () => ({ Component: (await import("@/features/auth/LoginPage")).default }), errorElement: <RouteError /> },
  {
    path: "/",
    element: <Shell />,
    HydrateFallback: Opening,
    errorElement: <RouteError />,
    children: [
      { index: true, element: <Navigate to="/events" replace /> },
      { path: "events", lazy: async () => ({ Component: (await import("@/features/events/EventsPage")).default }) },
      { path: "events/:eventId", lazy: async () => ({ Component: (await import("@/features/event/EventPage")).default }) },
      { path: "cameras", lazy: async () => ({ Component: (await import("@/features/cameras/CamerasPage")).default }) },
      { path: "devices", lazy: async () => ({ Component: (await import("@/features/devices/DevicesPage")).default }) },
      { path: "settings", lazy: async () => ({ Component: (await import("@/features/settings/SettingsPage")).default }) },
      { path: "*", element: <NotFound /> },
    ],
  },
]);
