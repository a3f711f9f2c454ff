package server

// Names of log fields. Messages are constant; what varies goes into fields, and
// no field ever holds a secret, a key or a value.
const (
	fieldConn    = "conn.id"
	fieldFrom    = "conn.from"
	fieldKind    = "conn.kind"
	fieldEnroll  = "enroll.id"
	fieldTook    = "duration.ms"
	fieldSaid    = "commands"
	fieldIn      = "bytes.in"
	fieldOut     = "bytes.out"
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
	fieldDays    = "days.left"
	fieldDoor    = "door"
	fieldLevel   = "log.level"
	fieldBefore  = "log.level.before"
)
