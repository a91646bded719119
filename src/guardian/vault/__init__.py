"""The vault: identities, roster, key slots, sealed objects, signed messages. Knows no tier.

docs/vault-format.md is the format. Modules are imported by name: `from guardian.vault import roster, writer`.

Edge (seals, cannot open):

    keys = identity.Keys.load(state / "identity")                  # sign.key, receive.key
    chain = roster.follow(pinned_or_None, roster.from_json(data))  # refuses: stale, fork, roster_…, bad_signature
    meta = header.Metadata(
        household=chain.household, edge=edge_id, camera="front", kind="clip", start=time, media="video/mp4",
        codec="avc1.64001f", timescale=90000, width=1920, height=1080, pre_capture_ms=5000,
    )
    with writer.SealedWriter.create(path, chain.epoch, keys, meta, object_id=optional) as sealed:
        sealed.init(data)                                # each returns when its bytes are durable
        sealed.media(data, start, duration, key)         # ticks from the first picture
        sealed.close()                                   # without it the object stays truncated
    # a snapshot or thumbnail: sealed.data(jpeg); sealed.close()
    reader.scan(source)                                  # without a key: where the last whole part of a cut clip ends
    messages.sign_event(keys, serialised)
    messages.sign_enrolment(keys, token_secret, csr_der)
    chain.edge_words(keys.sign_public, keys.receive_public)
    commands.open_command(payload, signature, chain, edge_id, now)
    commands.open_secret(keys, chain.household, edge_id, command.id, field)

Node:

    roster.follow(pinned_or_None, entries), chain.extend(entries)
    messages.verify_challenge(chain, member_id, node_id, challenge, ticket, signature)
    messages.verify_event(chain, edge_id, serialised, signature), messages.verify_enrolment(…)

Control:

    roster.follow(pinned_or_None, entries), chain.extend(entries), slots.Slot.read(json_bytes)

Owner (`guardian vault`, `guardian clip open`):

    owner.begin, owner.unlock, owner.unlock_by_recovery, owner.change_secret, owner.write_content
    roster_author.*, slots.create_with_*, slots.open_with_*, recovery.*
    epochs = roster_author.open_epochs(chain, author)
    sealed = reader.open_object(source, chain, epochs, edge=edge_id)  # or open_of_any_edge
    sealed.state, sealed.header.metadata, sealed.read_part(i), sealed.content()

Every refusal is `errors.VaultError`; its `reason` is one of the format's. A failed write is `write_failed` with the
OSError as its cause.
"""
