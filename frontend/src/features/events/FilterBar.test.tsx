import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, it } from "vitest";
import { anEvent } from "@/test/events";
import { FilterBar } from "./FilterBar";
import { noFilters, type Filters } from "./filters";

function Bar({ start = noFilters, heard }: { start?: Filters; heard: (filters: Filters) => void }) {
  const [filters, setFilters] = useState(start);
  const change = (next: Filters): void => {
    heard(next);
    setFilters(next);
  };
  return <FilterBar filters={filters} onChange={change} cameras={[]} events={[anEvent(1, { label: "heron" })]} />;
}

it("camera, label and days narrow the list one by one, and clear together", async () => {
  let now = noFilters;
  render(<Bar heard={(filters) => (now = filters)} />);
  await userEvent.selectOptions(screen.getByTestId("filter-camera"), "front");
  await userEvent.selectOptions(screen.getByTestId("filter-label"), "person");
  await userEvent.type(screen.getByTestId("filter-date-from"), "2026-01-30");
  await userEvent.type(screen.getByTestId("filter-date-to"), "2026-01-31");
  expect(now).toEqual({ camera: "front", label: "person", from: "2026-01-30", to: "2026-01-31" });
  await userEvent.click(screen.getByRole("button", { name: "Clear" }));
  expect(now).toEqual(noFilters);
});

it("a label only the events know can be chosen", () => {
  render(<Bar heard={() => undefined} />);
  expect(screen.getByRole("option", { name: "Heron" })).toBeInTheDocument();
});

it("a camera that is gone stays chosen, so that the filter is not silently another", () => {
  render(<Bar start={{ ...noFilters, camera: "attic" }} heard={() => undefined} />);
  expect(screen.getByTestId("filter-camera")).toHaveValue("attic");
});

it("every control has a name", () => {
  render(<Bar heard={() => undefined} />);
  for (const name of ["Camera", "Label", "From", "To"]) expect(screen.getByLabelText(name)).toBeInTheDocument();
});
