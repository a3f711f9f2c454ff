package server

// Names of log fields. Messages are constant; what varies goes into fields, and
// no field ever holds a secret, a key or a value.
const (
	fieldConn    = "conn.id"
	fieldFrom    = "conn.from"
	fieldKind    = "conn.kind"
	fieldReason  = "close.reason"
	fieldVerb    = "verb"
	fieldOutcome = "outcome"
	fieldSession = "session"
	fieldFile    = "file"
	fieldCount   = "count"
	fieldListen  = "listen"
	fieldSign    = "atsign"
	fieldUntil   = "valid.until"
	fieldPeer    = "peer.sign"
)
