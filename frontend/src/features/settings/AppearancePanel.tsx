// Light, dark or as the device is set.
import { useTheme, type Theme } from "@/app/theme";
import { Panel } from "@/ui/Feedback";
import { ChoiceField } from "@/ui/Field";

const choices: [Theme, string][] = [
  ["system", "As this device"],
  ["light", "Light"],
  ["dark", "Dark"],
];

export function AppearancePanel() {
  const { theme, setTheme } = useTheme();
  return (
    <Panel title="Appearance">
      <ChoiceField legend="Theme" name="theme" choices={choices} value={theme} onChange={setTheme} />
    </Panel>
  );
}
