package verbs

import (
	"time"

	"github.com/rs/zerolog"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

// Env is what all commands of a server share.
type Env struct {
	Sign             atkey.Sign
	DB               *store.DB
	Registry         *enroll.Registry
	Now              func() time.Time
	Log              zerolog.Logger
	Version          string // of the protocol that is spoken, a semantic version
	Started          time.Time
	TestingMode      bool // CRAM counts as the owner
	Settings         *Settings
	Accesses         *AccessLog
	Horizons         *Horizons
	Connections      func() []Connection // that are open
	Peers            Peers
	ClientCert       func() ClientCert // shown to other servers
	NotificationLife time.Duration     // of those that ask for none
	Quotas           Quotas
	PinPeerKeys      bool // changed public keys of others wait for the owner
	SyncPage         int  // entries in an answer to sync:from that names no limit
	SyncBytes        int  // of JSON in one, see DefaultSyncBytes
}
