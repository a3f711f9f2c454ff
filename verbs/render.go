package verbs

import (
	"encoding/base64"
	"strconv"
	"time"

	"atserver/store"
	"atserver/verbs/wire"
)

// timeLayout is how dates look on the wire: exactly three decimals, one blank.
const timeLayout = "2006-01-02 15:04:05.000Z"

// op is the form in which a lookup wants a record.
type op uint8

const (
	opValue op = iota // the value alone
	opMeta            // metadata as JSON
	opAll             // key, value and metadata as JSON
)

// op consumes "meta:" or "all:".
func (l *line) op() op {
	switch {
	case l.take("meta:"):
		return opMeta
	case l.take("all:"):
		return opAll
	}
	return opValue
}

// record renders a record that was found. One that is unborn or expired, and
// still there, is answered with null.
func record(r store.Record, o op, now time.Time) Reply {
	if r.Meta.State(now) != store.Active {
		return text("null")
	}
	return shape(r, o)
}

// shape renders a record that may be shown.
func shape(r store.Record, o op) Reply {
	switch {
	case o == opMeta:
		return Reply{Data: appendMeta(nil, r.Meta)}
	case o == opAll:
		return Reply{Data: appendRecord(make([]byte, 0, len(r.Value)+512), r)}
	case r.Value == nil:
		return text("null")
	}
	return Reply{Data: r.Value}
}

func appendRecord(b []byte, r store.Record) []byte {
	b = append(b, `{"key":`...)
	b = wire.AppendString(b, r.Key.String())
	if r.Value != nil {
		b = append(b, `,"data":`...)
		b = wire.AppendString(b, string(r.Value))
	}
	b = append(b, `,"metaData":`...)
	b = appendMeta(b, r.Meta)
	return append(b, '}')
}

// appendMeta renders metadata in the order of the protocol. What is not set is
// left out: some clients break on null.
func appendMeta(b []byte, m store.Meta) []byte {
	o := object{b: append(b, '{')}
	o.meta(m)
	return append(o.b, '}')
}

// appendMetaTexts is appendMeta as sync has it: every value is a string.
func appendMetaTexts(b []byte, m store.Meta) []byte {
	o := object{b: append(b, '{'), texts: true}
	o.meta(m)
	return append(o.b, '}')
}

func (o *object) meta(m store.Meta) {
	o.text("createdBy", string(m.CreatedBy))
	o.text("updatedBy", string(m.UpdatedBy))
	o.time("createdAt", m.CreatedAt)
	o.time("updatedAt", m.UpdatedAt)
	o.time("availableAt", m.AvailableAt)
	o.time("expiresAt", m.ExpiresAt)
	o.time("refreshAt", m.RefreshAt)
	o.text("status", "active")
	o.number("version", &m.Version)
	o.number("ttl", m.TTL)
	o.number("ttb", m.TTB)
	o.number("ttr", m.TTR)
	o.truth("ccd", m.CCD)
	o.truth("isBinary", m.IsBinary)
	o.truth("isEncrypted", m.IsEncrypted)
	o.text("dataSignature", m.DataSignature)
	o.text("sharedKeyEnc", m.SharedKeyEnc)
	o.text("pubKeyCS", m.PubKeyCS)
	if m.PubKeyHash != "" {
		hash := object{b: []byte{'{'}}
		hash.text("hash", m.PubKeyHash)
		hash.text("hashingAlgo", m.HashingAlgo)
		o.json("pubKeyHash", append(hash.b, '}'))
	}
	o.text("encoding", m.Encoding)
	o.text("encKeyName", m.EncKeyName)
	o.text("encAlgo", m.EncAlgo)
	o.text("ivNonce", m.IVNonce)
	o.text("skeEncKeyName", m.SkeEncKeyName)
	o.text("skeEncAlgo", m.SkeEncAlgo)
	o.truth("immutable", m.Immutable)
	if o.texts { // as it came
		o.text("appMetadata", base64.StdEncoding.EncodeToString(m.AppMetadata))
	} else {
		o.json("appMetadata", m.AppMetadata)
	}
}

// object appends the members of a JSON object, leaving out what is not set.
type object struct {
	b     []byte
	texts bool // numbers, truths and JSON become strings
}

func (o *object) name(name string) []byte {
	if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	return append(o.b, '"', ':')
}

func (o *object) text(name, value string) {
	if value != "" {
		o.b = wire.AppendString(o.name(name), value)
	}
}

func (o *object) time(name string, t time.Time) {
	if !t.IsZero() {
		o.b = append(t.UTC().AppendFormat(append(o.name(name), '"'), timeLayout), '"')
	}
}

func (o *object) number(name string, n *int64) {
	if n != nil {
		var digits [20]byte
		o.json(name, strconv.AppendInt(digits[:0], *n, 10))
	}
}

func (o *object) truth(name string, b *bool) {
	if b != nil {
		var word [5]byte
		o.json(name, strconv.AppendBool(word[:0], *b))
	}
}

// json appends what is valid JSON already, if there is any.
func (o *object) json(name string, value []byte) {
	switch {
	case len(value) == 0:
	case o.texts:
		o.text(name, string(value))
	default:
		o.b = append(o.name(name), value...)
	}
}

// appendNames renders keys as a JSON array.
func appendNames(b []byte, names []string) []byte {
	b = append(b, '[')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = wire.AppendString(b, name)
	}
	return append(b, ']')
}
