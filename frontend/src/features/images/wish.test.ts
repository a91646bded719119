import { expect, it } from "vitest";
import { emptyWish, faultsOf, ownTimeZone, requestOf, timeZones, type Wish } from "./wish";

const GENESIS = "5e".repeat(32);
const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKUHBFPErWYdhKF1VgXzpEUMTOUt0vbUy6mrCXd9nBGD ann@desk";
const wish = (more: Partial<Wish> = {}): Wish => ({ ...emptyWish(), image: "guardian-edge.iso", name: "Hall", ...more });

it("a name is all that has to be given", () => {
  expect(faultsOf(wish())).toEqual({});
  expect(faultsOf(wish({ name: "   " })).name).toMatch(/Give it a name/);
  expect(faultsOf(wish({ name: "a\nb" })).name).toMatch(/plain text/);
});

it("what no machine would take is told before an image is made of it", () => {
  expect(faultsOf(wish({ locale: "a b" })).locale).toBeDefined();
  expect(faultsOf(wish({ locale: "de_DE.UTF-8" }))).toEqual({});
  expect(faultsOf(wish({ ssid: "é".repeat(17), passphrase: "seven quiet herons" })).ssid).toMatch(/32 bytes/);
  expect(faultsOf(wish({ ssid: "Home", passphrase: "short" })).passphrase).toMatch(/8 to 63/);
  expect(faultsOf(wish({ ssid: "Home" })).passphrase).toBeDefined();
  expect(faultsOf(wish({ passphrase: "seven quiet herons" })).ssid).toMatch(/which Wi-Fi/);
  expect(faultsOf(wish({ ssid: "Home", passphrase: "aB".repeat(32) }))).toEqual({});
});

it("an SSH key is one public line; a private one is told apart and never sent", () => {
  expect(faultsOf(wish({ sshKey: `  ${KEY}\n` }))).toEqual({});
  expect(faultsOf(wish({ sshKey: `command="id" ${KEY}` })).sshKey).toMatch(/public key/);
  expect(faultsOf(wish({ sshKey: `-----BEGIN OPENSSH ${"PRIVATE"} KEY-----\nb3Bl` })).sshKey).toMatch(/private key/);
});

it("asks for the household this browser verified, and for nothing that was left empty", () => {
  expect(requestOf(wish({ name: " Hall " }), GENESIS)).toEqual({
    image: "guardian-edge.iso",
    node_id: null,
    name: "Hall",
    fingerprint: GENESIS,
    timezone: ownTimeZone(),
    locale: "",
    wifi: null,
    ssh_key: "",
    unattended: false,
    encrypt: false,
  });
  const all = requestOf(wish({ nodeId: "0d".repeat(16), ssid: "Home", passphrase: "seven quiet herons", sshKey: `${KEY}\n`, unattended: true, encrypt: true }), GENESIS);
  expect(all).toMatchObject({ node_id: "0d".repeat(16), wifi: { ssid: "Home", psk: "seven quiet herons" }, ssh_key: KEY, unattended: true, encrypt: true });
});

it("this browser's time zone can be chosen, whatever it is", () => {
  expect(timeZones()).toContain(ownTimeZone());
  expect(timeZones()).toContain("UTC");
});
