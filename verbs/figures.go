package verbs

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// figures are the statistics in the order of their ids. Most values are texts,
// also where they hold a number or JSON.
var figures = []figure{
	{"activeInboundConnections", func(s *survey) ([]byte, error) { return quoted(strconv.Itoa(len(s.Connections()))), nil }},
	{"activeOutboundConnections", func(s *survey) ([]byte, error) { return quoted(strconv.Itoa(s.Peers.Open())), nil }},
	{"lastCommitID", (*survey).lastCommit},
	{"secondaryStorageSize", (*survey).storageSize},
	{"topAtSigns", func(s *survey) ([]byte, error) { return s.top("pol", byCaller) }},
	{"topKeys", func(s *survey) ([]byte, error) { return s.top("lookup", byKey) }},
	{"secondaryServerVersion", func(s *survey) ([]byte, error) { return quoted(s.Version), nil }},
	{"LastLoggedInDatetime", func(s *survey) ([]byte, error) { return s.lastAccess("", []byte("null")) }},
	{"diskSize", (*survey).diskSize},
	{"LastPkam", func(s *survey) ([]byte, error) { return s.lastAccess("pkam", quoted("Not Available")) }},
	{"NotificationCount", (*survey).notifications},
	{"CommitLogCompactionStats", func(*survey) ([]byte, error) { return quoted("{}"), nil }}, // it is never needed
	{"AccessLogCompactionStats", (*survey).accessCompaction},
	{"NotificationCompactionStats", (*survey).notificationCompaction},
	{"LatestCommitEntryOfEachKey", (*survey).latestCommits},
	{"activeInboundConnectionsSummary", (*survey).connectionSummary},
	{"activeInboundConnectionsDetailed", (*survey).connectionDetails},
}

func quoted(text string) []byte { return wire.AppendString(nil, text) }

// lastCommit is the newest change that sync would tell the caller.
func (s *survey) lastCommit() ([]byte, error) {
	id, err := s.log.last(s.tx)
	if err != nil || id < 0 {
		return quoted("null"), err
	}
	return quoted(strconv.FormatInt(id, 10)), nil
}

func (s *survey) storageSize() ([]byte, error) {
	size, err := s.DB.Size()
	return strconv.AppendInt(nil, size, 10), err
}

// diskSize words the same; nothing at all is spelt in a way of its own.
func (s *survey) diskSize() ([]byte, error) {
	size, err := s.DB.Size()
	if err != nil {
		return nil, err
	}
	if size == 0 {
		return quoted(`{"size":"0","unit":"B"}`), nil
	}
	units := []string{"B", "KB", "MB", "GB", "TB"}
	scaled, unit := float64(size), 0
	for scaled >= 1024 && unit < len(units)-1 {
		scaled, unit = scaled/1024, unit+1
	}
	return quoted(fmt.Sprintf(`{"size":"%.2f","units":"%s"}`, scaled, units[unit])), nil
}

// topEntries is how many names a list of the most frequent ones has.
const topEntries = 5

// byCaller and byKey say what top counts; "" is not counted.
func byCaller(_ *survey, a store.Access) string { return string(a.From) }

func byKey(s *survey, a store.Access) string {
	if k, err := atkey.Parse(a.Key); err != nil || !s.log.visible(k) {
		return ""
	}
	return a.Key
}

// top counts the entries of a verb in the access log and names the most frequent.
func (s *survey) top(verb string, by func(*survey, store.Access) string) ([]byte, error) {
	counts := map[string]int64{}
	err := s.Accesses.each(s.tx, func(a store.Access) {
		if a.Verb == verb {
			counts[by(s, a)]++
		}
	})
	delete(counts, "")
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	o := object{b: []byte{'{'}}
	for _, name := range names[:min(len(names), topEntries)] {
		if len(o.b) > 1 {
			o.b = append(o.b, ',')
		}
		o.b = strconv.AppendInt(append(wire.AppendString(o.b, name), ':'), counts[name], 10)
	}
	return quoted(string(append(o.b, '}'))), err
}

// lastAccess is the time of the newest entry of a verb in the access log, "" for
// any; else is told when there is none.
func (s *survey) lastAccess(verb string, otherwise []byte) ([]byte, error) {
	var last time.Time
	err := s.Accesses.each(s.tx, func(a store.Access) {
		if verb == "" || a.Verb == verb {
			last = a.At
		}
	})
	if err != nil || last.IsZero() {
		return otherwise, err
	}
	return quoted(last.UTC().Format(timeLayout)), nil
}

// notifications counts them by what they are.
func (s *survey) notifications() ([]byte, error) {
	c, err := s.tx.CountNotifications()
	return quoted(fmt.Sprintf(`{"total":%d,"type":{"sent":%d,"received":%d,"self":%d},`+
		`"status":{"delivered":%d,"failed":0,"queued":%d,"errored":%d,"expired":%d},`+
		`"operations":{"update":%d,"delete":%d},"messageType":{"key":%d,"text":%d},"createdOn":%d}`,
		c.Total, c.Types[store.Sent], c.Types[store.Received], c.Types[store.Internal],
		c.Statuses[store.Delivered], c.Statuses[store.Queued], c.Statuses[store.Errored], c.Expired,
		c.Updates, c.Deletes, c.Keys, c.Texts, s.Now().UnixMilli())), err
}

func (s *survey) notificationCompaction() ([]byte, error) {
	raw, err := lastCompaction(s.tx, notificationCompaction)
	return quoted(string(raw)), err
}

func (s *survey) accessCompaction() ([]byte, error) {
	raw, err := lastCompaction(s.tx, accessCompaction)
	return quoted(string(raw)), err
}

// latestCommits maps each key to its entry in the commit log.
func (s *survey) latestCommits() ([]byte, error) {
	b := []byte{'{'}
	for c, err := range s.tx.Commits(-1) {
		if err != nil {
			return nil, err
		}
		_, seen, err := s.log.shows(c)
		if err != nil {
			return nil, err
		}
		if !seen {
			continue
		}
		if err := s.grow(len(b)); err != nil {
			return nil, err
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(wire.AppendString(b, c.Key), ":["...)
		b = strconv.AppendInt(b, c.ID, 10)
		b = append(b, `,"`...)
		b = append(b, byte(c.Op), '"', ']')
	}
	return quoted(string(append(b, '}'))), nil
}

// Connection is one that is open, as stats tells of it.
type Connection struct {
	Kind          enroll.Kind
	Sign          atkey.Sign // whom it proved to speak for, "" for nobody
	Since, Active time.Time
}

// Connection kinds as stats calls them.
var kindNames = []string{"self", "other", "anon"}

func (c Connection) kindName() string {
	switch c.Kind {
	case enroll.Anonymous:
		return "anon"
	case enroll.Peer:
		return "other"
	}
	return "self"
}

func (s *survey) connectionSummary() ([]byte, error) {
	counts := map[string]int64{}
	total := int64(0)
	for _, c := range s.Connections() {
		counts[c.kindName()]++
		total++
	}
	o := object{b: []byte{'{'}}
	o.number("total", &total)
	for _, kind := range kindNames {
		n := counts[kind]
		o.number(kind, &n)
	}
	return append(o.b, '}'), nil
}

func (s *survey) connectionDetails() ([]byte, error) {
	lists := map[string][]Connection{}
	total := int64(0)
	for _, c := range s.Connections() {
		lists[c.kindName()] = append(lists[c.kindName()], c)
		total++
	}
	o := object{b: []byte{'{'}}
	o.number("total", &total)
	for _, kind := range kindNames {
		slices.SortFunc(lists[kind], func(a, b Connection) int { return a.Since.Compare(b.Since) })
		n := int64(len(lists[kind]))
		of := object{b: append(o.name(kind), '{')}
		of.number("count", &n)
		of.b = append(of.name("list"), '[')
		for i, c := range lists[kind] {
			if i > 0 {
				of.b = append(of.b, ',')
			}
			of.b = c.append(of.b)
		}
		o.b = append(of.b, ']', '}')
	}
	return append(o.b, '}'), nil
}

func (c Connection) append(b []byte) []byte {
	o := object{b: append(b, '{')}
	if c.Sign == "" {
		o.json("from", []byte("null"))
	}
	o.text("from", string(c.Sign))
	o.iso("created", c.Since)
	o.iso("lastAccessed", c.Active)
	return append(o.b, '}')
}
