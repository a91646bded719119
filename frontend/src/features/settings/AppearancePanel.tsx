// Light, dark or as the device is set.
import { useTheme, type Theme } from "@/app/theme";
import { Panel } from "@/ui/Feedback";
import { cx } from "@/ui/cx";

const choices: [Theme, string][] = [
  ["system", "As this device"],
  ["light", "Light"],
  ["dark", "Dark"],
];

export function AppearancePanel() {
  const { theme, setTheme } = useTheme();
  return (
    <Panel title="Appearance">
      <fieldset className="flex flex-wrap gap-2">
        <legend className="sr-only">Theme</legend>
        {choices.map(([value, name]) => (
          <label
            key={value}
            className={cx(
              "flex min-h-11 cursor-pointer items-center gap-2.5 rounded-md border px-4 text-sm has-focus-visible:outline-2 has-focus-visible:outline-offset-2",
              theme === value ? "border-primary bg-primary-wash font-semibold text-primary" : "border-line text-soft hover:border-line-strong",
            )}
          >
            <input type="radio" name="theme" value={value} checked={theme === value} onChange={() => setTheme(value)} className="accent-primary" />
            {name}
          </label>
        ))}
      </fieldset>
    </Panel>
  );
}
