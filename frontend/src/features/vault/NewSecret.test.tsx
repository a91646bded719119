import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { queryClient } from "@/app/queries";
import { NewSecret } from "./NewSecret";

async function fill(secret: string, again: string) {
  const chosen = vi.fn();
  render(
    <QueryClientProvider client={queryClient}>
      <NewSecret submit="Make" busy={false} error={null} onSecret={chosen} testId="vault-create" />
    </QueryClientProvider>,
  );
  await userEvent.type(screen.getByTestId("vault-secret"), secret);
  await userEvent.type(screen.getByTestId("vault-secret-confirm"), again);
  await userEvent.click(screen.getByTestId("vault-create"));
  return chosen;
}

it("two secrets that differ are refused in words", async () => {
  const chosen = await fill("violet harbour candle", "violet harbour handle");
  expect(chosen).not.toHaveBeenCalled();
  expect(screen.getByTestId("vault-secret-confirm")).toHaveAccessibleDescription(/not the same/);
});

it("a secret too short is refused in words", async () => {
  const chosen = await fill("tin", "tin");
  expect(chosen).not.toHaveBeenCalled();
  expect(screen.getByTestId("vault-secret")).toBeInvalid();
});

it("a good secret, typed twice, is taken", async () => {
  expect(await fill("violet harbour candle", "violet harbour candle")).toHaveBeenCalledWith("violet harbour candle");
});
