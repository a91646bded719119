// What the control plane answers, as ARCHITECTURE.md lists it.

export interface Session {
  user: { id: string; email: string; name: string };
  tenant: { id: string; name: string };
}

export type ObjectKind = "clip" | "snapshot" | "thumbnail";

export interface EventObject {
  id: string;
  kind: ObjectKind;
  start: string | null;
  end: string | null;
  truncated: boolean;
}

export interface GuardianEvent {
  id: string;
  revision: number;
  edge_id: string;
  camera_id: string;
  camera_name: string;
  label: string;
  start: string;
  end: string | null;
  objects: EventObject[];
  node_id: string;
  counter: number;
}

export interface EventPage {
  items: GuardianEvent[];
  next: string | null;
}

export type State = "ok" | "waiting" | "degraded" | "failed";

export interface Camera {
  id: string;
  edge_id: string;
  edge_name: string;
  name: string;
  state: State;
  reason: string;
  sentence: string;
  fps: number;
  width: number;
  height: number;
  codec: string;
  last_frame: string | null;
  recording: boolean;
  online: boolean;
}

export interface Edge {
  id: string;
  name: string;
  node_id: string;
  sign_public: string;
  receive_public: string;
  online: boolean;
  last_seen: string | null;
  software_version: string;
  detector: { state: State; reason: string; sentence: string };
  roster: { entries: number; head: string; fault: string };
  enrolled_at: string | null;
  cpu_percent: number;
  memory_bytes: number;
  disk_free_bytes: number;
  disk_total_bytes: number;
  outbox_waiting: number;
}

export interface GuardianNode {
  id: string;
  name: string;
  online: boolean;
  last_seen: string | null;
  relay_url: string;
  software_version: string;
}

export interface WireRosterEntry {
  payload: string;
  signature: string;
}

export interface RosterPage {
  first: number;
  entries: WireRosterEntry[];
  next: number | null;
}

export interface Ticket {
  ticket: string;
  node_id: string;
  relay_url: string;
  expires: string;
}

export interface Command {
  id: string;
  edge_id: string;
  payload: string;
  signature: string;
}

export interface CommandState {
  id: string;
  edge_id: string;
  accepted: boolean | null;
  reason: string;
  sentence: string;
}

export interface EventFilters {
  camera?: string;
  label?: string;
  from?: string;
  to?: string;
}
