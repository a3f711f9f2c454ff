package store

import (
	"path/filepath"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/rs/zerolog"

	"atserver/store/atkey"
)

// Options say where the data is and whose it is.
type Options struct {
	// Dir is the folder, made when it is not there. "" keeps everything in memory.
	Dir string
	// RootSecret is the file with the 32 bytes that all keys derive from. "" is
	// root.secret in Dir. It is made at the first start; keep a copy elsewhere, for
	// without it the data is lost. With Dir "" the secret is in memory too.
	RootSecret string
	// Sign is whose data this is. The folder of another atSign is refused.
	Sign atkey.Sign
	// Now is the clock, time.Now by default. It is asked from any goroutine.
	Now func() time.Time
	Log zerolog.Logger
	// AsIs leaves data of an older schema as it is. Then it can be copied only.
	AsIs bool
	// Notified is told of each notification once it is kept, in their order, one at
	// a time. It must not call Update, and it holds up whoever writes.
	Notified func(Notification)
	// Committed is told of each commit how many updates shared it and how long it
	// took, its sync included. It must not call Update and holds up whoever writes.
	Committed func(updates int, took time.Duration)
	// Changed is told of each record that was put or deleted once that is on disk, by
	// the goroutine that called Update, before Update returns. It must not call
	// Update.
	Changed func(Change)
}

func (o Options) defaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.RootSecret == "" {
		o.RootSecret = filepath.Join(o.Dir, "root.secret")
	}
	return o
}

// tableSize is the size of Badger's tables, in memory and on every level on disk. It
// decides what writing takes: Badger builds a table in several times its size, with
// many builders at once when it merges, and keeps the memory of all for the next.
// Larger tables take more each, smaller ones are built more at a time.
const tableSize = 4 << 20

// tune sets Badger up for a small server: memory is bounded by a few megabytes,
// and nothing wakes up while there is nothing to do. dir "" is in memory.
func tune(dir string, key []byte, log badger.Logger) badger.Options {
	o := badger.DefaultOptions(dir).
		WithLogger(log).
		WithMemTableSize(tableSize).
		WithBaseTableSize(tableSize).
		WithNumMemtables(1). // besides the one written to
		WithNumCompactors(0).
		WithNumLevelZeroTables(mergeAt - 1). // for Flatten to find mergeAt too many
		WithNumLevelZeroTablesStall(noStall).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithValueThreshold(600 << 10). // never reached: see chunkSize
		WithValueLogFileSize(1 << 20).
		WithChecksumVerificationMode(options.OnBlockRead).
		WithMetricsEnabled(false).
		WithDetectConflicts(false). // one writer
		WithSyncWrites(!ownSync)
	o.TableSizeMultiplier = 1
	if dir == "" {
		return o.WithInMemory(true)
	}
	// Blocks and indexes have to be decrypted, so they are worth keeping. The index
	// of every table should fit, or each read decrypts one.
	return o.WithEncryptionKey(key).WithBlockCacheSize(4 << 20).WithIndexCacheSize(16 << 20)
}
