package main_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"atserver/verbs/wire"
)

// reads looks a key up and wants the reply to be right.
func (w *worker) reads(e *entry) error {
	form := []string{"", "meta:", "all:"}[w.random.IntN(3)]
	conn, command := w.owner, "llookup:"+form+w.spelled(e)
	stranger := e.scope == "public:" && w.chance(50)
	switch {
	case stranger:
		conn, command = w.stranger, "lookup:"+form+e.name+"@alice"
	case e.scope == "@alice:" && w.chance(50):
		command = "lookup:" + form + e.name + "@alice"
	}
	payload, refused, err := w.ask(conn, command)
	if err != nil {
		return err
	}
	return explained(e.wantRead(form, payload, refused, stranger), command)
}

// expression finds the keys of the worker and of nobody else.
func (w *worker) expression() string { return `\.` + w.name + "@alice$" }

// who asks for a scan.
const (
	owner = iota
	ownerForHidden
	stranger
)

// listed says whether and how a scan shows a key.
func (e *entry) listed(who int) (string, bool) {
	alive := e.record != nil && !e.expired() && !e.unborn()
	rest, public := strings.CutPrefix(e.key(), "public:")
	hidden := strings.HasPrefix(e.key(), "_") || public && strings.HasPrefix(rest, "_")
	switch {
	case who == stranger:
		return rest, alive && public && !hidden
	case who == ownerForHidden:
		return e.key(), alive && entersLog(e.key())
	default:
		return e.key(), alive && !hidden
	}
}

// list is what a scan of some keys shows.
func list(entries []*entry, who int) []string {
	all := []string{}
	for _, e := range entries {
		if name, ok := e.listed(who); ok {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// scans wants a scan to show just these.
func (w *worker) scans(who int, expression string, want []string) error {
	command, conn := "scan", w.owner
	switch who {
	case ownerForHidden:
		command += ":showHidden:true"
	case stranger:
		conn = w.stranger
	}
	if expression != "" {
		command += " " + expression
	}
	payload, refused, err := w.ask(conn, command)
	if err != nil {
		return err
	}
	var got []string
	if refused != nil || json.Unmarshal([]byte(payload), &got) != nil || !slices.Equal(got, want) {
		return fmt.Errorf("%s: got %.200q, %v; %s", command, payload, refused, difference(got, want))
	}
	return nil
}

// difference names a few of those that only one of the two has.
func difference(got, want []string) string {
	few := func(a, b []string) (only []string) {
		for _, s := range a {
			if !slices.Contains(b, s) && len(only) < 5 {
				only = append(only, s)
			}
		}
		return only
	}
	return fmt.Sprintf("%d, want %d; too many %q, missing %q", len(got), len(want), few(got, want), few(want, got))
}

// log is the commit log as it must be for some keys, from after an id on.
func log(entries []*entry, from int64) (all []*entry) {
	for _, e := range entries {
		if e.logged && e.id > from {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b *entry) int { return cmp.Compare(a.id, b.id) })
	return all
}

// page asks for one page of the log; sizes are those of its entries.
func (w *worker) page(command string) (entries []map[string]any, sizes []int, err error) {
	payload, refused, err := w.ask(w.owner, command)
	if err != nil {
		return nil, nil, err
	}
	var all []json.RawMessage
	ok := json.Unmarshal([]byte(payload), &all) == nil
	for _, raw := range all {
		members, is := decoded(string(raw)).(map[string]any)
		ok = ok && is
		entries, sizes = append(entries, members), append(sizes, len(raw))
	}
	if refused != nil || !ok {
		return nil, nil, fmt.Errorf("%s: got %.200q, %v", command, payload, refused)
	}
	return entries, sizes, nil
}

// alwaysThere tells keys that sync shows whatever the expression.
func alwaysThere(key string) bool {
	return key == "@bob:shared_key@alice" || key == "shared_key.bob@alice" ||
		strings.HasPrefix(key, "public:") && !strings.Contains(key, ".")
}

// syncs reads some pages of the worker's own log.
func (w *worker) syncs() error {
	from, until, options := int64(-1), int64(-1), ""
	if w.chance(70) {
		from = w.own[w.random.IntN(len(w.own))].id
	}
	if w.chance(30) {
		until = w.own[w.random.IntN(len(w.own))].id
		options = fmt.Sprintf(":skipDeletesUntil:%d", until)
	}
	want := log(w.own, from)
	for _, limit := range []int{1 + w.random.IntN(5), 25 + w.random.IntN(100), 1000} {
		command := fmt.Sprintf("sync:from:%d:limit:%d%s:%s", from, limit, options, w.expression())
		page, _, err := w.page(command)
		if err == nil {
			from, want, err = w.wantPage(page, from, until, want)
		}
		if err == nil && len(page) > limit {
			err = fmt.Errorf("%d entries", len(page))
		}
		if err == nil && len(page) < limit {
			for _, e := range want {
				if !e.mayLack(until) {
					err = fmt.Errorf("no entry %d of %s", e.id, e.key())
				}
			}
			want = nil
		}
		if err != nil || want == nil {
			return explained(err, command)
		}
	}
	return nil
}

// wantPage wants the next of the worker's own entries, beside those of others
// that are always there, and returns where the page ends and what is left. The
// newest entry is never skipped: that of the whole log, says the contract, or
// that which the expression finds, as the server has it.
func (w *worker) wantPage(page []map[string]any, from, until int64, want []*entry) (int64, []*entry, error) {
	for _, got := range page {
		id, _ := got["commitId"].(json.Number)
		n, err := id.Int64()
		if err != nil || n <= from {
			return 0, nil, fmt.Errorf("entry %s after %d", id, from)
		}
		from = n
		key, _ := got["atKey"].(string)
		if alwaysThere(key) {
			continue // compared when everything is at rest
		}
		for len(want) > 0 && want[0].id != n && want[0].mayLack(until) {
			want = want[1:]
		}
		if len(want) == 0 || want[0].key() != key {
			return 0, nil, fmt.Errorf("entry %d of %s is not expected", n, key)
		}
		if err := want[0].wantEntry(got); err != nil {
			return 0, nil, err
		}
		if want[0].op == "-" && n <= until && slices.ContainsFunc(want[1:], func(e *entry) bool { return !e.fades() }) {
			return 0, nil, fmt.Errorf("entry %d of a deleted key", n)
		}
		want = want[1:]
	}
	return from, want, nil
}

func explained(err error, command string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%.300s: %w", command, err)
}

// mayLack says that a sync may leave the key out: it has expired and may be
// gone, or was deleted before what the client does not want to know.
func (e *entry) mayLack(until int64) bool {
	return e.fades() || e.op == "-" && e.id <= until
}

// stat asks for one figure of stats and returns its value.
func (w *worker) stat(command, name string) (string, error) {
	payload, refused, err := w.ask(w.owner, command)
	if err != nil {
		return "", err
	}
	var got []struct{ ID, Name, Value string }
	if refused != nil || !strings.HasPrefix(payload, " [") || json.Unmarshal([]byte(payload), &got) != nil ||
		len(got) != 1 || got[0].Name != name || !strings.HasPrefix(command, "stats:"+got[0].ID) {
		return "", fmt.Errorf("%s: got %.200q, %v", command, payload, refused)
	}
	return got[0].Value, nil
}

// stats wants the last id and the latest entries of the worker's own keys.
func (w *worker) stats() error {
	if w.chance(70) {
		return w.wantLast("stats:3:"+w.expression(), log(w.own, -1), true)
	}
	return w.wantLatest("stats:15:"+w.expression(), w.own, true)
}

// wantLast wants stats:3 to say the id of the last entry; those at the end that
// have expired may be gone, and then it is the one before them. Some keys
// count that are not the worker's: what these have may have changed.
func (w *worker) wantLast(command string, entries []*entry, always bool) error {
	value, err := w.stat(command, "lastCommitID")
	if err != nil {
		return err
	}
	for i := len(entries) - 1; i >= 0; i-- {
		if value == strconv.FormatInt(entries[i].id, 10) {
			return nil
		}
		if !entries[i].fades() {
			entries = entries[:i+1]
			break
		}
	}
	last, err := strconv.ParseInt(value, 10, 64)
	if err == nil && always && (len(entries) == 0 || last > entries[len(entries)-1].id) {
		return w.wantAlways(command, last)
	}
	return fmt.Errorf("%s: %s is the id of no last entry", command, value)
}

// wantAlways wants an entry to be of a key that counts whatever the expression:
// none of the worker's own.
func (w *worker) wantAlways(command string, id int64) error {
	page, _, err := w.page(fmt.Sprintf("sync:from:%d:limit:1", id-1))
	if err != nil || len(page) == 0 {
		return err
	}
	key, _ := page[0]["atKey"].(string)
	if page[0]["commitId"] == json.Number(strconv.FormatInt(id, 10)) && !alwaysThere(key) {
		return fmt.Errorf("%s: %d is of %s", command, id, key)
	}
	return nil // or it has been written again
}

// wantLatest wants stats:15 to have the latest entry of each key, and perhaps of
// others that it shows whatever the expression.
func (w *worker) wantLatest(command string, entries []*entry, others bool) error {
	value, err := w.stat(command, "LatestCommitEntryOfEachKey")
	if err != nil {
		return err
	}
	got, ok := decoded(value).(map[string]any)
	if !ok {
		return fmt.Errorf("%s: got %.200q", command, value)
	}
	for _, e := range entries {
		want := []any{json.Number(strconv.FormatInt(e.id, 10)), e.op}
		entry, there := got[e.key()]
		if there != e.logged && !(e.logged && e.fades()) || there && !reflect.DeepEqual(entry, want) {
			return fmt.Errorf("%s: %s has %v, want %v, logged %v", command, e.key(), entry, want, e.logged)
		}
		delete(got, e.key())
	}
	for key := range got {
		if !others || !alwaysThere(key) {
			return fmt.Errorf("%s: %s is there", command, key)
		}
	}
	return nil
}

// refusal asks for what cannot be done.
func (w *worker) refusal(e *entry) error {
	const syntax = "Invalid syntax : "
	const update = syntax + "Invalid syntax. e.g. update:@alice:location@bob San Francisco"
	all := []struct {
		command string
		want    wire.Error
	}{
		{"update:ttl:-1:" + e.key() + " v", wire.Error{Code: "AT0003", Text: syntax + "Valid value for TTL should be greater than or equal to 0"}},
		{"update:ttb:9223372036854775808:" + e.key() + " v", wire.Error{Code: "AT0003", Text: syntax + "Valid value for TTB should be greater than or equal to 0"}},
		{"update:meta:" + e.key() + ":ttr:-2", wire.Error{Code: "AT0003", Text: syntax + "Valid values for TTR are -1 and greater than or equal to 1"}},
		{"update:" + e.key(), wire.Error{Code: "AT0003", Text: update}},
		{"update:isBinary:yes:" + e.key() + " v", wire.Error{Code: "AT0003", Text: update}},
		{"update:meta:" + e.key() + ":ttl:x", wire.Error{Code: "AT0003", Text: syntax + "Invalid syntax. update:meta:ttl:20000:ttb:20000:ttr:20000"}},
		{"update:" + e.name + "@bob v", wire.Error{Code: "AT0016", Text: "Invalid key : Invalid update command - sharedBy atsign @bob should be same as current atsign @alice"}},
		{"update:a,b." + e.name + "@alice v", wire.Error{Code: "AT0016", Text: "Invalid key : You may not update keys of type KeyType.invalidKey"}},
		{"delete:public:publickey@alice", wire.Error{Code: "AT0009", Text: "UnAuthorized client in request : Cannot delete protected key: 'publickey@alice'"}},
		{"llookup:never." + e.name + "@alice", *missing("never." + e.name + "@alice")},
		{"sync:from:x", wire.Error{Code: "AT0003", Text: syntax + "Invalid syntax. syntax sync:from:1:limit:10:.wavi"}},
		{"stats:x", wire.Error{Code: "AT0003", Text: syntax + "Invalid syntax. stats:1,2,3"}},
	}
	one := all[w.random.IntN(len(all))]
	payload, refused, err := w.ask(w.owner, one.command)
	if err != nil {
		return err
	}
	return wantRefused(one.command, payload, refused, &one.want)
}
