package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"atserver/store/atkey"
)

// First byte of every row, see the package comment.
const (
	rowData    = 'd'
	rowChunk   = 'b'
	rowStaged  = 'i'
	rowDeleted = 'k'
	rowDue     = 't'
	rowCommit  = 'c'
	rowRow     = 'r'
	rowAudit   = 'a'
	rowAccess  = 'l'
	rowMeta    = 'm'
	rowNote    = 'n'
	rowNoteID  = 'j'
	rowNoteDue = 'u'
	rowQueue   = 'q'
	rowHeld    = 'w'
	rowJournal = 'x'
)

// class is what the scope of a key and its being cached come to. The symmetric keys
// of pairs, which every app reads whatever its namespaces are, stand apart.
type class struct {
	letter byte // on disk: never change one
	scope  atkey.Scope
	cached bool
	peered bool // the peer field is in use
	pairs  bool // the symmetric keys of pairs
}

var classes = []class{
	{'s', atkey.Self, false, false, false},
	{'y', atkey.Self, false, false, true},
	{'h', atkey.Shared, false, true, false},
	{'Y', atkey.Shared, false, true, true},
	{'p', atkey.Public, false, false, false},
	{'v', atkey.Private, false, true, false},
	{'l', atkey.Local, false, false, false},
	{'P', atkey.Public, true, true, false},
	{'H', atkey.Shared, true, true, false},
	{'x', atkey.Server, false, false, false},
}

// classOf returns the class of a key.
func classOf(k atkey.Key) (class, bool) {
	pairs := k.Reserved() == atkey.SharedKey
	for _, c := range classes {
		if c.scope == k.Scope && c.cached == k.Cached && c.pairs == pairs {
			return c, true
		}
	}
	return class{}, false
}

var errKey = errors.New("key cannot be stored")

// layout turns keys into suffixes and back.
type layout struct{ me atkey.Sign }

// suffix is the part of a row's key that stands for k. It refuses a Key that
// could not be rebuilt from it, which is any that Parse would not have made.
func (l layout) suffix(k atkey.Key) ([]byte, error) {
	c, ok := classOf(k)
	if !ok {
		return nil, errKey
	}
	peer, tail := k.SharedWith, k.Owner
	if c.cached {
		peer, tail = k.Owner, k.SharedWith
	}
	if tail == l.me {
		tail = ""
	}
	b := make([]byte, 0, 3+len(peer)+len(k.Name)+len(tail))
	b = append(b, c.letter)
	b = append(b, peer...)
	b = append(b, 0)
	b = appendName(b, c, k.Name)
	if tail != "" {
		b = append(b, 0)
		b = append(b, tail...)
	}
	if back, err := l.key(b); err != nil || back != k {
		return nil, errKey
	}
	return b, nil
}

// key rebuilds the Key that suffix stands for.
func (l layout) key(suffix []byte) (atkey.Key, error) {
	if len(suffix) == 0 {
		return atkey.Key{}, errKey
	}
	i := slices.IndexFunc(classes, func(c class) bool { return c.letter == suffix[0] })
	rest, tail, peer := suffix[1:], "", ""
	cut := bytes.IndexByte(rest, 0)
	if i < 0 || cut < 0 {
		return atkey.Key{}, errKey
	}
	peer, rest = string(rest[:cut]), rest[cut+1:]
	if cut = bytes.IndexByte(rest, 0); cut >= 0 {
		rest, tail = rest[:cut], string(rest[cut+1:])
		if tail == "" || tail == string(l.me) || strings.IndexByte(tail, 0) >= 0 {
			return atkey.Key{}, errKey
		}
	}
	c := classes[i]
	k := atkey.Key{Scope: c.scope, Cached: c.cached, Name: string(appendName(nil, c, string(rest)))}
	switch {
	case len(rest) == 0, !c.peered && peer != "":
		return atkey.Key{}, errKey
	case c.scope == atkey.Server:
		if tail != "" {
			return atkey.Key{}, errKey
		}
	case c.cached:
		k.Owner, k.SharedWith = atkey.Sign(peer), atkey.Sign(tail)
		if c.scope == atkey.Shared && tail == "" {
			k.SharedWith = l.me
		}
		if peer == "" || c.scope == atkey.Public && tail != "" {
			return atkey.Key{}, errKey
		}
	default:
		k.SharedWith, k.Owner = atkey.Sign(peer), atkey.Sign(tail)
		if tail == "" {
			k.Owner = l.me
		}
		if c.scope == atkey.Shared && peer == "" {
			return atkey.Key{}, errKey
		}
	}
	return k, nil
}

// appendName appends name with its labels in reverse order, so that a namespace
// becomes a prefix. Doing it twice gives the name back. The server's own keys
// are in no namespace and stay as they are.
func appendName(b []byte, c class, name string) []byte {
	if c.scope == atkey.Server {
		return append(b, name...)
	}
	for {
		dot := strings.LastIndexByte(name, '.')
		b = append(b, name[dot+1:]...)
		if dot < 0 {
			return b
		}
		b = append(b, '.')
		name = name[:dot]
	}
}

// row joins a first byte and the parts that follow it.
func row(first byte, parts ...[]byte) []byte {
	n := 1
	for _, p := range parts {
		n += len(p)
	}
	b := append(make([]byte, 0, n), first)
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func be64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// numbered is the key of an entry of the commit log or the audit chain.
func numbered(first byte, n int64) []byte { return row(first, be64(uint64(n))) }

// number reads the number back.
func number(key []byte) int64 {
	if len(key) != 9 {
		return -1
	}
	return int64(binary.BigEndian.Uint64(key[1:]))
}
