// Light, dark or the system's choice. public/theme.js applies the same rule before the first paint.
import { create } from "zustand";

export type Theme = "system" | "light" | "dark";

const KEY = "guardian.theme";
const dark = (): MediaQueryList | null => (typeof window.matchMedia === "function" ? window.matchMedia("(prefers-color-scheme: dark)") : null);

function stored(): Theme {
  try {
    const value = window.localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system"; // Storage may be blocked; the system's choice is then all there is.
  }
}

function apply(theme: Theme): void {
  const isDark = theme === "dark" || (theme === "system" && (dark()?.matches ?? false));
  document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
}

function store(theme: Theme): void {
  try {
    if (theme === "system") window.localStorage.removeItem(KEY);
    else window.localStorage.setItem(KEY, theme);
  } catch {
    // Blocked storage: the choice lasts as long as the tab.
  }
}

interface ThemeState {
  theme: Theme;
  setTheme: (theme: Theme) => void;
}

export const useTheme = create<ThemeState>((set) => ({
  theme: stored(),
  setTheme: (theme) => {
    store(theme);
    apply(theme);
    set({ theme });
  },
}));

dark()?.addEventListener("change", () => apply(useTheme.getState().theme));
