"""Which metrics of a daemon leave the host. What is on neither list does not: a test holds both against the code."""

# How a daemon is. Of what its cameras saw, nothing follows from these.
PASSED = frozenset(
    {
        "guardian_agents_cameras",
        "guardian_agents_edges",
        "guardian_agents_nodes",
        "guardian_agents_outbox_waiting",
        "guardian_api_answers",
        "guardian_api_seconds",
        "guardian_build_info",
        "guardian_camera_connects",
        "guardian_camera_decode_dropped",
        "guardian_camera_fps",
        "guardian_camera_lag_seconds",
        "guardian_camera_streaming",
        "guardian_dependency_state",
        "guardian_detector_loaded",
        "guardian_gateway_edges",
        "guardian_gateway_edges_online",
        "guardian_gateway_events_refused",
        "guardian_hub_peers",
        "guardian_hub_peers_connected",
        "guardian_hub_peers_taken_up",
        "guardian_ready",
        "guardian_relay_refused",
        "guardian_relay_sessions",
        "guardian_tunnel_connected",
        "guardian_tunnel_handshake_age_seconds",
        "guardian_tunnel_latency_seconds",
        "guardian_tunnel_redials",
        "guardian_uplink_events_refused",
        "guardian_uplink_events_waiting",
        "process_cpu_seconds",
        "process_max_fds",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "process_virtual_memory_bytes",
    }
)
# These rise when something moves in front of a camera: with their times they tell when a home is empty. They are passed
# on only where the household looks at its own host (`activity`).
ACTIVITY = frozenset(
    {
        "guardian_camera_bytes_received",
        "guardian_camera_clips",
        "guardian_camera_frames_sent",
        "guardian_camera_motion_samples",
        "guardian_camera_recording",
        "guardian_event_latency_seconds",
        "guardian_events",
        "guardian_frames",
        "guardian_gateway_events_taken",
        "guardian_hub_received_bytes",
        "guardian_hub_sent_bytes",
        "guardian_inference_seconds",
        "guardian_tunnel_received_bytes",
        "guardian_tunnel_sent_bytes",
        "guardian_uplink_events_acknowledged",
    }
)
