package main_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"atserver/verbs/wire"
)

// entry is a key and what the server has of it.
type entry struct {
	sync.Mutex  // whoever speaks of it holds this until the reply is there
	scope, name string
	state
	pending *state         // after a write that is not acknowledged yet
	raw     map[string]any // what the log says of what was there before
}

func (e *entry) key() string { return e.scope + e.name + "@alice" }

const day = int64(24 * time.Hour / time.Millisecond)

// chance is true in so many of a hundred cases.
func (w *worker) chance(percent int) bool { return w.random.IntN(100) < percent }

// flag is a bool, or none.
func (w *worker) flag(percent int) *bool {
	if !w.chance(percent) {
		return nil
	}
	return new(w.chance(50))
}

// number is one of some, or none.
func (w *worker) number(percent int, of ...int64) *int64 {
	if !w.chance(percent) {
		return nil
	}
	return new(of[w.random.IntN(len(of))])
}

// time is far from now, or none.
func (w *worker) time(percent int) *int64 {
	if !w.chance(percent) {
		return nil
	}
	far := (1+w.random.Int64N(1000))*day + w.random.Int64N(day)
	if w.chance(50) {
		far = -far
	}
	return new(time.Now().UnixMilli() + far)
}

// change makes one up. It leaves out what the contract does not decide: when a
// lifetime begins that is given with the time of birth, and what a lifetime of
// 0 means beside the time of the end.
func (w *worker) change() change {
	c := change{
		value: w.value(), nc: w.chance(5), meta: w.chance(20),
		ttl: w.number(15, 0, day, 3650*day, day+w.random.Int64N(day)), ttb: w.number(12, 0, 0, 0, day, 1000*day),
		ttr: w.number(15, -1, 0, 1, 86400, 1_000_000_000),
		ccd: w.flag(15), binary: w.flag(15), encrypted: w.flag(50), immutable: w.flag(5),
		created: w.time(3), updated: w.time(3), expires: w.time(4), available: w.time(4),
		texts: map[string]string{},
	}
	if c.expires != nil && c.ttl != nil && *c.ttl == 0 || c.expires == nil && c.available != nil {
		c.ttl = nil
	}
	if c.available != nil && c.ttb != nil && *c.ttb == 0 {
		c.ttb = nil
	}
	for _, name := range []string{
		"dataSignature", "sharedKeyEnc", "pubKeyCS", "encoding", "encKeyName", "encAlgo", "ivNonce", "skeEncKeyName", "skeEncAlgo",
	} {
		if w.chance(8) {
			c.texts[name] = w.text()
		}
	}
	if w.chance(8) {
		c.hash = &hash{w.text(), "sha512"}
	}
	if w.chance(8) {
		app, _ := json.Marshal(map[string]any{"n": w.random.IntN(1000), "s": w.text(), "l": []any{nil, true, "<ü>"}})
		c.app = string(app)
	}
	return c
}

// text is a metadata field, "null" to clear it.
func (w *worker) text() string {
	if w.chance(25) {
		return "null"
	}
	raw := make([]byte, 1+w.random.IntN(30))
	for i := range raw {
		raw[i] = byte(w.random.Uint32())
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// value is one that may be written: not empty, without blanks at its end.
func (w *worker) value() string {
	begin := []string{"", "", "", " two", "data:", "data:data:", "{\"a\":", "<&>\\", "größer ☃ 🛠️ ", "ttl:5:x@y "}[w.random.IntN(10)]
	length := 1 + w.random.IntN(60)
	switch w.random.IntN(1000) {
	case 0:
		length = 70_000 // beyond what the store keeps in one piece
	case 1, 2, 3, 4, 5:
		length = 5_000
	}
	return begin + strings.Repeat("v", length) + strconv.Itoa(w.random.IntN(1_000_000))
}

// spelled is a name as somebody might type it.
func (w *worker) spelled(e *entry) string {
	if w.chance(10) {
		return e.scope + strings.ToUpper(e.name) + "@Al.ice"
	}
	return e.key()
}

// command writes an update down in one of its forms.
func (w *worker) command(e *entry, c change) string {
	nc := ""
	if c.nc {
		nc = ":nc"
	}
	switch {
	case c.meta:
		return "update:meta" + nc + ":" + w.spelled(e) + w.fragments(c)
	case w.chance(20):
		return "update" + nc + ":json:" + w.json(e, c)
	default:
		return "update" + nc + w.fragments(c) + ":" + w.spelled(e) + " " + c.value
	}
}

// fragments come in any order.
func (w *worker) fragments(c change) string {
	var all []string
	add := func(name, value string) { all = append(all, ":"+name+":"+value) }
	for name, n := range map[string]*int64{"ttl": c.ttl, "ttb": c.ttb, "ttr": c.ttr} {
		if n != nil {
			add(name, strconv.FormatInt(*n, 10))
		}
	}
	for name, b := range map[string]*bool{"ccd": c.ccd, "isBinary": c.binary, "isEncrypted": c.encrypted, "immutable": c.immutable} {
		if b != nil {
			add(name, strconv.FormatBool(*b))
		}
	}
	for name, ms := range map[string]*int64{"cAt": c.created, "uAt": c.updated, "eAt": c.expires, "aAt": c.available} {
		if ms != nil {
			add(name, time.UnixMilli(*ms).UTC().Format("2006-01-02T15:04:05.000")+"789Z")
		}
	}
	for name, text := range c.texts {
		add(name, text)
	}
	if c.hash != nil {
		add("pubKeyHash", c.hash.Hash)
		if c.hash.Hash != "null" {
			add("hashingAlgo", c.hash.Algorithm)
		}
	}
	if c.app != "" {
		add("appMetadata", base64.StdEncoding.EncodeToString([]byte(c.app)))
	}
	if w.chance(5) {
		add("sharedKeyStatus", "LOCAL") // taken and not kept
	}
	slices.Sort(all)
	w.random.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	return strings.Join(all, "")
}

// json is the object of update:json, with the name whole or in its parts.
func (w *worker) json(e *entry, c change) string {
	meta := map[string]any{
		"isPublic": e.scope == "public:", "isBinary": c.binary != nil && *c.binary, "isEncrypted": c.encrypted != nil && *c.encrypted,
	}
	for name, n := range map[string]*int64{"ttl": c.ttl, "ttb": c.ttb, "ttr": c.ttr} {
		if n != nil && *n == 0 && name == "ttr" {
			continue // as if not given in the plain form; here the contract does not say
		}
		meta[name] = n
	}
	for name, b := range map[string]*bool{"ccd": c.ccd, "immutable": c.immutable} {
		if b != nil {
			meta[name] = b
		}
	}
	for name, ms := range map[string]*int64{"createdAt": c.created, "updatedAt": c.updated, "expiresAt": c.expires, "availableAt": c.available} {
		if ms != nil {
			meta[name] = time.UnixMilli(*ms).UTC().Format("2006-01-02 15:04:05.000Z")
		}
	}
	for name, text := range c.texts {
		meta[name] = text
	}
	if c.hash != nil {
		meta["pubKeyHash"] = map[string]any{"hash": c.hash.Hash, "hashingAlgo": c.hash.Algorithm}
	}
	if c.app != "" {
		meta["appMetadata"] = json.RawMessage(c.app)
	}
	object := map[string]any{"atKey": e.key(), "value": c.value, "metadata": meta}
	if w.chance(50) {
		object["atKey"], object["sharedBy"] = e.name, "@alice"
		if with := strings.Trim(e.scope, ":"); strings.HasPrefix(with, "@") {
			object["sharedWith"] = with
		}
	}
	raw, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// deletion makes up a delete and what becomes of the key.
func (w *worker) deletion(e *entry, at *instant) (string, state, *wire.Error) {
	asserted, nc := w.time(5), w.chance(10)
	force := w.chance(30) || e.fades() // whether that is needed for what has expired, the contract does not say
	command := "delete"
	if asserted != nil {
		command += ":dAt:" + time.UnixMilli(*asserted).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if nc {
		command += ":nc"
	}
	if force {
		command += ":force"
	}
	next, refused := e.state.delete(e.key(), force, nc, asserted, at)
	return command + ":" + w.spelled(e), next, refused
}

// write makes up an update, or a delete.
func (w *worker) write(e *entry, at *instant) (string, state, *wire.Error) {
	if w.chance(20) {
		return w.deletion(e, at)
	}
	c := w.change()
	next, refused := e.state.update(e.key(), c, at)
	return w.command(e, c), next, refused
}

// writes sends a write and wants the reply to be right.
func (w *worker) writes(e *entry) error {
	at := now()
	command, next, want := w.write(e, at)
	if want == nil {
		return w.send(e, command, next, at)
	}
	payload, refused, err := w.ask(w.owner, command)
	if err != nil {
		return err
	}
	return wantRefused(command, payload, refused, want)
}

// send sends a write that is to succeed.
func (w *worker) send(e *entry, command string, next state, at *instant) error {
	e.pending = &next
	payload, refused, err := w.ask(w.owner, command)
	at.last = time.Now().UnixMilli()
	if err != nil {
		return err // whether it has happened is not known
	}
	if refused != nil {
		return fmt.Errorf("%.300s: %w", command, refused)
	}
	return w.acknowledge(e, command, payload)
}

func wantRefused(command, payload string, got, want *wire.Error) error {
	if got == nil || *got != *want {
		return fmt.Errorf("%.300s: got %q, %v; want %v", command, payload, got, want)
	}
	return nil
}

// acknowledge takes in the reply to a write, its commit id.
func (w *worker) acknowledge(e *entry, command, payload string) error {
	next := e.pending
	id, err := strconv.ParseInt(payload, 10, 64)
	if err != nil || strconv.FormatInt(id, 10) != payload || next.logged != (id != -1) || next.logged && id <= w.last {
		return fmt.Errorf("%.300s: got %q after %d, logged %v", command, payload, w.last, next.logged)
	}
	if next.logged {
		w.last, next.id = id, id
		w.ids = append(w.ids, id)
	}
	e.state, e.pending = *next, nil
	return nil
}

// batch sends some writes of keys of its own in one command.
func (w *worker) batch() error {
	type one struct {
		ID      int    `json:"id"`
		Command string `json:"command"`
	}
	type result struct {
		ID       int               `json:"id"`
		Response map[string]string `json:"response"`
	}
	var commands []one
	var instants []*instant
	var refusals []*wire.Error
	first, n := w.random.IntN(len(w.own)), 1+w.random.IntN(5)
	entryOf := func(i int) *entry { return w.own[(first+i)%len(w.own)] }
	for i := range n {
		e, at := entryOf(i), now()
		command, next, refused := w.write(e, at)
		if refused == nil {
			e.pending = &next
		}
		commands = append(commands, one{w.random.IntN(1000), command})
		refusals, instants = append(refusals, refused), append(instants, at)
	}
	raw, err := json.Marshal(commands)
	if err != nil {
		return err
	}
	payload, refused, err := w.ask(w.owner, "batch:"+string(raw))
	for _, at := range instants {
		at.last = time.Now().UnixMilli()
	}
	if err != nil {
		return err
	}
	var results []result
	if refused != nil || json.Unmarshal([]byte(payload), &results) != nil || len(results) != n {
		return fmt.Errorf("batch:%.300s: got %.300q, %v", raw, payload, refused)
	}
	for i, r := range results {
		command, e := commands[i], entryOf(i)
		if r.ID != command.ID {
			return fmt.Errorf("batch: answer %d is for %d, want %d", i, r.ID, command.ID)
		}
		if want := refusals[i]; want != nil {
			if len(r.Response) != 2 || r.Response["error_code"] != want.Code || r.Response["error_message"] != wire.Text(want.Code) {
				err = errors.Join(err, fmt.Errorf("batch: %.300s: got %v, want %v", command.Command, r.Response, want))
			}
			continue
		}
		if len(r.Response) != 1 {
			return fmt.Errorf("batch: %.300s: got %v", command.Command, r.Response)
		}
		err = errors.Join(err, w.acknowledge(e, command.Command, r.Response["data"]))
	}
	return err
}
