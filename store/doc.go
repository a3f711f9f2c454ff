// Package store keeps everything one atSign's server remembers: records, the
// commit log, small rows of other packages, the audit chain.
//
// It guarantees:
//
//   - Update is serial and all or nothing, and what it wrote is on disk when it
//     returns. Updates that wait together share one sync.
//   - After a crash at any point either everything of an Update is there or
//     nothing is: the record, its commit entry, its due time, rows, audit.
//   - The commit log has at most one entry a key. Its ids start at 0, rise, and
//     are never used twice, not even after the newest entry was purged.
//   - No two notifications have one time, and a later one never has an earlier time.
//   - Time is the caller's clock. A record is gone when Sweep removed it; until
//     then it is returned and Meta.State says that it has expired.
//   - Nothing readable is on disk: not a value, not a name.
//   - What changed since a mark can be told, removals too, or it is known that it
//     cannot. Loaded in their order such changes give what was copied, to the byte.
//   - Opening costs the same whatever the history.
//
// # Layout
//
// Every row of the database starts with one byte that says what it is. A record
// and what hangs on it share a suffix made from its key:
//
//	suffix  class peer 00 name [00 tail]
//	d suffix              the record
//	b suffix 00 00 id n   chunk n of a large value
//	i chunk prefix        a large value being written, not yet referred to
//	k suffix              the record was deleted; id of the entry that tells of it
//	t time suffix         the record expires at that time
//	c id                  entry of the commit log
//	r table id            row of another package
//	a seq                 entry of the audit chain
//	l seq                 entry of the access log
//	n time                a notification, named by its time
//	j id 00 sender        the time of the notification with that id
//	u time time           the notification of the second time expires at the first
//	q recipient 00 time   the notification waits to be sent
//	w atSign              what is kept of that one; of all of them without one
//	x n                   entry of the journal, which increments of a copy are made of
//	m name                counters, schema version, whose data this is
//
// The class is one byte: self, shared, public, private, local, cached public,
// cached shared, server; the symmetric keys of pairs (shared_key) are self and
// shared in classes of their own, because every app reads them. The peer is the recipient of a shared key, the owner of
// a cached one, else empty. The name has its labels reversed: x.orders.myapp
// becomes myapp.orders.x. The tail is whatever atSign is still missing, left out
// when it is the server's own. Numbers are big-endian, so that rows sort by them.
//
// The reason for the order is erasure and rights: a class, a peer, a namespace
// and a namespace within a namespace each are one prefix, so listing one is a
// seek that meets nothing else, and erasing one is a prefix drop, which is the
// only deletion that leaves no copy in Badger's files.
//
// # Weaknesses
//
// A reader may see an update in the moment before it is synced; a power cut then
// may take back what was read, never what was acknowledged. A write-ahead log
// that was damaged on disk ends where the damage is, as after a crash; and of a
// damaged block in a table Badger takes the rows for absent, though never for
// others. When a commit or its sync fails nobody knows what is on disk, so no
// update is taken until the database is opened again.
package store
