// Labels and how they look. An unknown label is shown by its own name.
import type { IconName } from "@/ui/icons";

const icons: Record<string, IconName> = {
  person: "person",
  car: "vehicle", truck: "vehicle", bus: "vehicle", motorcycle: "vehicle", bicycle: "vehicle", vehicle: "vehicle",
  dog: "animal", cat: "animal", bird: "animal", animal: "animal",
  motion: "motion",
};

export const usualLabels = ["person", "car", "truck", "bus", "motorcycle", "bicycle", "dog", "cat", "motion"];

export function labelIcon(label: string): IconName {
  return icons[label] ?? "object";
}
