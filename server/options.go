package server

import (
	"cmp"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"atserver/server/notify"
	"atserver/server/peer"
	"atserver/store/atkey"
	"atserver/verbs"
)

// Options are the settings of a server. The zero value of a field means its
// default; only Sign must be given.
type Options struct {
	Sign atkey.Sign // whose server this is
	Dir  string     // data folder; "" keeps everything in memory

	// RootSecretFile holds the secret that all data is encrypted under. It is made
	// at the first start. Default: root.secret in Dir.
	RootSecretFile string

	// CRAMSecret lets the owner's first app in, once. Without one the first start
	// makes it and hands it to Deliver, which must bring it to the owner.
	CRAMSecret string
	Deliver    func(secret string) error
	// Onboarded is called once, when the secret is used up, or at the start if it is.
	Onboarded func()

	// Name is the host name that others reach this server by, for a certificate of
	// its own making. Default localhost.
	Name string
	// CertFile and KeyFile are a certificate chain and its key, PEM. They are
	// reread when they change. Without them the server makes its own authority and
	// certificate under Dir.
	CertFile, KeyFile string

	// Directory is the host:port of the atDirectory. TrustFile holds the
	// authorities to trust in it and in other atServers, PEM; default: the system's.
	Directory string
	TrustFile string
	// PeerCertificates demands of connections that claim to come from another
	// atSign a client certificate for the host that the directory names.
	PeerCertificates bool

	// Peers is how notifications reach the servers of other atSigns. Nil: by the
	// connections that the server has with them.
	Peers notify.Asker

	// PeerAddresses says which addresses the directory may name: "any", "public"
	// ones only, or "auto", the default: those of local networks only if the
	// directory is in one itself.
	PeerAddresses string
	// PinPeerKeys keeps the public key that another atSign was first met with, when it
	// shows another one, until the owner deletes the copy of it. The owner is told.
	PinPeerKeys bool
	// MTLSCertFile and MTLSKeyFile are a certificate chain and its key, PEM, to be
	// shown to other atServers. Default: the server's own certificate.
	MTLSCertFile, MTLSKeyFile string

	// TestingMode is for running test suites: CRAM stays usable after onboarding
	// and may do everything. Never for a server that anybody relies on.
	TestingMode bool

	MaxConnections int           // in total; default 200. A fifth is kept for the owner
	MaxPerAddress  int           // from one address; default half of MaxConnections
	AnonymousIdle  time.Duration // until a silent connection ends; default 10 min
	OwnerIdle      time.Duration // the same once it has logged in; default 10 min
	MaxOutbound    int           // connections to other atServers; default 200
	OutboundIdle   time.Duration // until an unused one of them is closed; default 599 s
	PeerSilence    time.Duration // how long another atServer may take to say anything; default 10 s
	LineBudget     int           // bytes that commands beyond 64 KiB may hold in all; default 32 MiB
	SyncPage       int           // entries in an answer to sync:from that names no limit; default 100
	SyncBytes      int           // of JSON in an answer to sync:from; default 5 MiB
	// The access log is kept small: every AccessLogEvery (15 min) so many of its
	// entries in 100, the oldest, are removed (30), and all older than AccessLogAge
	// (15 days).
	AccessLogEvery   time.Duration
	AccessLogPercent int
	AccessLogAge     time.Duration

	// NoAutoNotify keeps other atSigns from being told when a record changes that is
	// shared with them. config:set:autoNotify changes it.
	NoAutoNotify bool
	// NotificationLife is how long a notification waits for its recipient unless
	// asked otherwise. Default 15 min.
	NotificationLife time.Duration
	// NotificationSweepEvery is how often expired notifications are removed. Default
	// 5 min.
	NotificationSweepEvery time.Duration
	// StatsEvery is how often monitors are told of the newest change, so that they
	// know that the server is there. Default 15 s, negative: never.
	StatsEvery time.Duration

	SweepEvery time.Duration // how often expired records are removed; default 1 min

	// Admin is where the server is watched, see ListenAdmin; it is closed by Run. Nil:
	// nowhere.
	Admin net.Listener
	// LogLevel is that of Log, for whoever watches to change. Nil: it cannot be.
	LogLevel *LogLevel

	Version string // what info tells; a semantic version of the protocol
	Now     func() time.Time
	Log     zerolog.Logger
}

func (o Options) withDefaults() Options {
	o.Name = cmp.Or(o.Name, "localhost")
	o.MaxConnections = cmp.Or(o.MaxConnections, 200)
	o.MaxPerAddress = cmp.Or(o.MaxPerAddress, max(o.MaxConnections/2, 1))
	o.AnonymousIdle = cmp.Or(o.AnonymousIdle, 10*time.Minute)
	o.OwnerIdle = cmp.Or(o.OwnerIdle, 10*time.Minute)
	o.MaxOutbound = cmp.Or(o.MaxOutbound, 200)
	o.OutboundIdle = cmp.Or(o.OutboundIdle, 599*time.Second)
	o.PeerSilence = cmp.Or(o.PeerSilence, 10*time.Second)
	o.PeerAddresses = cmp.Or(o.PeerAddresses, string(peer.LocalsByDirectory))
	o.LineBudget = cmp.Or(o.LineBudget, 32<<20)
	o.SyncPage = cmp.Or(o.SyncPage, verbs.DefaultSyncPage)
	o.SyncBytes = cmp.Or(o.SyncBytes, verbs.DefaultSyncBytes)
	o.AccessLogEvery = cmp.Or(o.AccessLogEvery, 15*time.Minute)
	o.AccessLogPercent = cmp.Or(o.AccessLogPercent, 30)
	o.AccessLogAge = cmp.Or(o.AccessLogAge, 15*24*time.Hour)
	o.NotificationLife = cmp.Or(o.NotificationLife, verbs.DefaultNotificationLife)
	o.NotificationSweepEvery = cmp.Or(o.NotificationSweepEvery, 5*time.Minute)
	o.StatsEvery = cmp.Or(o.StatsEvery, 15*time.Second)
	o.SweepEvery = cmp.Or(o.SweepEvery, time.Minute)
	o.Version = cmp.Or(o.Version, ProtocolVersion)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// check refuses settings that make no server.
func (o Options) check() error {
	switch {
	case o.Sign == "":
		return errors.New("no atSign given")
	case o.MaxConnections < 1 || o.MaxPerAddress < 1 || o.LineBudget < 0 || o.AnonymousIdle < 0 || o.OwnerIdle < 0,
		o.MaxOutbound < 1 || o.OutboundIdle < 0 || o.PeerSilence < 0:
		return errors.New("limits must be positive")
	case !slices.Contains([]peer.Locals{peer.LocalsByDirectory, peer.LocalsAlways, peer.LocalsNever}, peer.Locals(o.PeerAddresses)):
		return errors.New("the addresses of peers must be auto, any or public")
	case o.SyncPage < 1 || o.SyncBytes < 1:
		return errors.New("a page of sync must have a size")
	case o.NotificationLife < time.Millisecond || o.NotificationSweepEvery < 0:
		return errors.New("times of notifications must be positive")
	case o.AccessLogEvery < 0 || o.AccessLogAge < 0 || o.AccessLogPercent < 0 || o.AccessLogPercent > 100:
		return errors.New("times of the access log must be positive, its share from 1 to 100")
	}
	return nil
}

// ProtocolVersion is the release of the reference server whose behaviour this
// one matches; clients compare it.
const ProtocolVersion = "3.14.0"

const (
	handshakeTimeout = 10 * time.Second // for TLS
	writeTimeout     = 30 * time.Second // for each 64 KiB of a reply
	drainTimeout     = 8 * time.Second  // for commands under way at shutdown; docker stop waits for 10
	minAnonymousIdle = 5 * time.Second  // idle limits when the server is full
	minOwnerIdle     = time.Minute
)
