import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import { queryClient } from "@/app/queries";
import { RevokeEdge } from "./RevokeEdge";

beforeEach(() => {
  render(
    <QueryClientProvider client={queryClient}>
      <RevokeEdge edge={{ id: "0e".repeat(16), name: "Mini PC" }} />
    </QueryClientProvider>,
  );
});

it("says first what will be lost, and does nothing before that is acknowledged", async () => {
  await userEvent.click(screen.getByTestId("edge-revoke"));
  expect(screen.getByText(/its clips and pictures will not open here again/)).toBeInTheDocument();
  expect(screen.getByTestId("edge-revoke-warning")).toHaveFocus();
  expect(screen.getByTestId("edge-revoke-confirm")).toBeDisabled();
  await userEvent.click(screen.getByTestId("edge-revoke-sure"));
  expect(screen.getByTestId("edge-revoke-confirm")).toBeEnabled();
});

it("can be left without a trace", async () => {
  await userEvent.click(screen.getByTestId("edge-revoke"));
  await userEvent.click(screen.getByRole("button", { name: "Keep it" }));
  expect(screen.getByTestId("edge-revoke")).toBeInTheDocument();
});

it("with a locked vault it is refused in words", async () => {
  await userEvent.click(screen.getByTestId("edge-revoke"));
  await userEvent.click(screen.getByTestId("edge-revoke-sure"));
  await userEvent.click(screen.getByTestId("edge-revoke-confirm"));
  expect(await screen.findByText("The vault is locked. Open it and try again.")).toBeInTheDocument();
});
