// Package peer speaks to the servers of other atSigns: it finds them in the atDirectory, keeps connections to them,
// and proves our atSign where that is wanted.
//
// It guarantees that a connection that has proved our atSign is never used for a request that is to be anonymous, nor
// the other way round; that a peer or a directory which is down, slow or lying costs time only those who ask about that
// atSign, and at most Options.Total; that our atSign is proved to nobody but the atSign that was dialled; and that no
// lock is held while it waits.
package peer
