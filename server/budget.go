package server

import "sync/atomic"

// budget lends memory for long commands, so that all connections together hold
// no more than it.
type budget struct {
	size int64
	free atomic.Int64
	lent atomic.Int64 // in all, so far
}

func newBudget(bytes int) *budget {
	b := &budget{size: int64(bytes)}
	b.free.Store(b.size)
	return b
}

// idle tells whether nothing is lent.
func (b *budget) idle() bool { return b.free.Load() == b.size }

// share is what one class of connections sees of the budget: it borrows only as
// long as keep bytes remain for others. It implements wire.Budget.
type share struct {
	*budget
	keep int64
}

// Take lends n bytes, or nothing.
func (s share) Take(n int) bool {
	if s.free.Add(-int64(n)) >= s.keep {
		s.lent.Add(int64(n))
		return true
	}
	s.free.Add(int64(n))
	return false
}

// Give ends a loan.
func (s share) Give(n int) { s.free.Add(int64(n)) }
