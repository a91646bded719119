// Camera, label and days. On phones it folds away behind one button that says how many filters are on.
import { useState } from "react";
import type { Camera, GuardianEvent } from "@/api/types";
import { Button } from "@/ui/Button";
import { SelectField, TextField } from "@/ui/Field";
import { cx } from "@/ui/cx";
import { labelName } from "@/lib/format";
import { cameraKey, isFiltered, noFilters, type Filters } from "./filters";
import { usualLabels } from "./labels";

interface Props {
  filters: Filters;
  onChange: (filters: Filters) => void;
  cameras: Camera[];
  events: GuardianEvent[];
}

export function FilterBar({ filters, onChange, cameras, events }: Props) {
  const [open, setOpen] = useState(isFiltered(filters));
  const set = (part: Partial<Filters>): void => onChange({ ...filters, ...part });
  const labels = unique([...usualLabels, ...events.map((event) => event.label), filters.label]);
  const names = cameraNames(cameras, events, filters.camera);
  const count = Object.values(filters).filter(Boolean).length;

  return (
    <div className="mb-8">
      <Button icon="filter" className="w-full sm:hidden" aria-expanded={open} aria-controls="filters" onClick={() => setOpen(!open)}>
        Filters{count > 0 ? `, ${count} on` : ""}
      </Button>
      <div
        id="filters"
        role="group"
        aria-label="Filter events"
        className={cx("grid-cols-2 items-end gap-3 max-sm:mt-3 sm:grid sm:grid-cols-4 lg:grid-cols-[1fr_1fr_1fr_1fr_auto]", open ? "grid" : "hidden")}
      >
        <SelectField label="Camera" data-testid="filter-camera" value={filters.camera} onChange={(e) => set({ camera: e.target.value })}>
          <option value="">All cameras</option>
          {names.map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </SelectField>
        <SelectField label="Label" data-testid="filter-label" value={filters.label} onChange={(e) => set({ label: e.target.value })}>
          <option value="">Everything</option>
          {labels.map((label) => (
            <option key={label} value={label}>
              {labelName(label)}
            </option>
          ))}
        </SelectField>
        <TextField label="From" type="date" data-testid="filter-date-from" max={filters.to || undefined} value={filters.from} onChange={(e) => set({ from: e.target.value })} />
        <TextField label="To" type="date" data-testid="filter-date-to" min={filters.from || undefined} value={filters.to} onChange={(e) => set({ to: e.target.value })} />
        <Button look="plain" className="max-lg:col-span-full max-lg:justify-self-start" disabled={count === 0} onClick={() => onChange(noFilters)}>
          Clear
        </Button>
      </div>
    </div>
  );
}

function unique(values: string[]): string[] {
  return [...new Set(values.filter(Boolean))];
}

/** Cameras that report, that appear in the events shown, and the one chosen: a camera that is gone can still be filtered by. */
function cameraNames(cameras: Camera[], events: GuardianEvent[], chosen: string): [string, string][] {
  const all = [
    ...events.map((event) => ({ edge: event.edge_id, id: event.camera_id, name: event.camera_name, place: "" })),
    ...cameras.map((camera) => ({ edge: camera.edge_id, id: camera.id, name: camera.name, place: camera.edge_name })),
  ];
  const names = new Map<string, string>();
  if (chosen) names.set(chosen, chosen);
  for (const camera of all) {
    const key = cameraKey(camera, all);
    const name = camera.name || camera.id;
    names.set(key, key !== camera.id && camera.place ? `${name}, ${camera.place}` : name);
  }
  return [...names].sort((a, b) => a[1].localeCompare(b[1]));
}
