package server

import "sync/atomic"

// budget lends memory for long commands, so that all connections together hold
// no more than it.
type budget struct{ free atomic.Int64 }

func newBudget(bytes int) *budget {
	b := &budget{}
	b.free.Store(int64(bytes))
	return b
}

// share is what one class of connections sees of the budget: it borrows only as
// long as keep bytes remain for others. It implements wire.Budget.
type share struct {
	*budget
	keep int64
}

// Take lends n bytes, or nothing.
func (s share) Take(n int) bool {
	if s.free.Add(-int64(n)) >= s.keep {
		return true
	}
	s.free.Add(int64(n))
	return false
}

// Give ends a loan.
func (s share) Give(n int) { s.free.Add(int64(n)) }
