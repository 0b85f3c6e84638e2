// Package auditlog is the public format of Writ's audit log: how a record is
// encoded, how records are hashed into a tree, how the tree is signed, and how
// anybody holding the directory and the public key can check all of it without
// asking, or trusting, the server that wrote it.
//
// The package reads and proves; it never writes to a disk and reads no clock.
// It trusts the verifier keys it is given and nothing else. Without a key of
// the reader's own, or a checkpoint kept elsewhere, a log can only be shown to
// be consistent with itself: its owner could have rewritten and signed it
// again. [Report.Verdict] always says which of the two was shown.
//
// # The directory
//
//	checkpoint                 the published signed tree head
//	key                        verifier keys of the log, newest first, one a line
//	tile/<L>/<N>[.p/<W>]       hash tiles
//	tile/entries/<N>[.p/<W>]   entry bundles
//	tail/<first>               the write-ahead tail, one file per segment
//	tmp/, lock                 the writer's own; not part of the log
//
// checkpoint, tiles and bundles are exactly those of https://c2sp.org/tlog-tiles
// and https://c2sp.org/tlog-checkpoint, so the directory can be served as it
// is, and any C2SP client can monitor it. The tail holds what is durable and
// signed but perhaps not yet published; it exists only on the writer's disk.
//
// # Tree
//
// The tree is RFC 6962's (section 2.1): SHA-256, a leaf is
// SHA-256(0x00 || entry), a node SHA-256(0x01 || left || right). A full hash
// tile is 256 hashes of 32 bytes. An entry bundle holds up to 256 entries, each
// a big-endian uint16 length and that many bytes. <N> is written in groups of
// three digits, all but the last preceded by x: 1234067 is x001/x234/067. <W>
// is the number of hashes or entries in a partial tile, 1 to 255. Partial tiles
// may be deleted once their full tile is there.
//
// # Checkpoint
//
// A checkpoint is a signed note (https://c2sp.org/signed-note) of three lines
// and no extension lines:
//
//	<origin>
//	<number of entries, decimal>
//	<root hash, base64>
//
// signed by a key whose name is the origin. Signature lines by other keys
// (cosignatures of witnesses) are allowed and ignored unless asked for. Base64
// must be canonical: every byte of a checkpoint is significant.
//
// # The write-ahead tail
//
// A segment is named by the index of its first entry as 20 decimal digits, a
// multiple of 256. The first entry of the lowest segment is the number of
// entries that must be read from full bundles; all later entries are in the
// segments, without gaps. A segment is a sequence of frames, one for each
// durable write. Integers are big-endian; CRCs are CRC-32C (Castagnoli).
//
//	 0   4  magic "WRF1"
//	 4   4  count: number of entries, at least 1
//	 8   8  index of the first entry
//	16   4  E: length of the entries
//	20   4  C: length of the checkpoint
//	24   4  CRC of the 24 bytes above
//	28   E  the entries, encoded as in a bundle
//	     C  the signed checkpoint of the tree that ends with this frame
//	     4  CRC of the E+C bytes above
//	     4  magic "FEND"
//
// Entries contain no zero byte, so in an undamaged frame no sector (512 bytes,
// aligned to the file; or the part of one that belongs to the frame) is all
// zeros. That separates two cases for the last frame of the last segment:
//
//   - Torn by a crash: the file ends before the frame does, or a sector of
//     the frame is all zeros. The frame was never acknowledged; it is not part of
//     the log, and the writer removes it when it starts.
//   - Anything else that does not check, and anything at all that does not
//     check elsewhere: changed after it was written.
//
// Also changed is a log whose published checkpoint is larger than what the
// tail reaches. Entries acknowledged after the last published checkpoint and
// cut off at a frame's end leave no trace in the directory: that takes a
// checkpoint kept somewhere else (see [VerifyOptions]).
//
// # Records
//
// An entry is one [Record] as JSON, at most 16 KiB ([MaxEntry]), in the one
// encoding that [Record.Marshal] produces: [ParseRecord] refuses any other.
// "v" is the version of the schema. Fields may be added in a new version,
// never renamed. Prompts, answers and free text are not in a record; salted
// commitments to them are ([Commit]), so erasing a salt erases the person.
//
// An answer that waits for a human is told in three places. The outcome of its
// call has a hold group, which names the hold and says how it stood when the
// call ended. What people did about the hold is in control records. When its
// caller fetches it after its release a "collected" record says so, before a
// byte of it goes out: who, by which credential, which hold. Nothing leaves for
// Bedrock then, so such a record has no outcome.
//
// # Compatibility
//
// A log written by any release will verify with every later release.
package auditlog
