package verbs

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

// notifyArgs is what a notification says.
type notifyArgs struct {
	id        string
	op        store.NotificationOp
	text      bool
	priority  store.Priority
	latest    bool
	depth     int
	notifier  string
	life      time.Duration // 0: the default
	expires   *time.Time    // instead of life
	ephemeral bool
	meta      fragments
	target    string // recipient as it was typed
	key       string // or the text
	owner     string // "" where there is none
	value     *string
}

// notify tells an atSign of something: the owner's apps tell others, and other
// atSigns' servers tell the owner by the same words.
//
//	notify[:id:i][:update|:delete][:messageType:key|text][:priority:p][:strategy:all|latest][:latestN:n]
//	  [:notifier:n][:ttln:ms][:eAtn:time][:eph][:fragment:value]...:@recipient:key[@owner][:value]
var notify = define(
	Verb{Name: "notify", Usage: "e.g. notify:@colin:key@kevin", Who: enroll.Peer | enroll.App},
	(*line).notification,
	func(c *Call, a notifyArgs) []enroll.Need {
		if !c.owner() {
			return nil // it is judged by who sends it
		}
		return []enroll.Need{enroll.ToWrite(subject(a.name(c.Env.Sign), a.text, c.Env.Sign))}
	},
	func(c *Call, a notifyArgs) (Reply, error) {
		if c.owner() {
			return a.send(c)
		}
		return a.receive(c)
	},
)

// notification consumes the arguments to the end.
func (l *line) notification() (a notifyArgs, err error) {
	a = notifyArgs{op: store.NotifyUpdate, priority: store.Low, depth: 1, notifier: "SYSTEM"}
	named := false
	if l.take(":id:") {
		if a.id = l.word(); a.id == "" || len(a.id) > maxNotificationID || strings.ContainsFunc(a.id, isNoID) {
			return a, errSyntax
		}
	}
	l.notificationOp(&a)
	if l.take(":messageType:") {
		if a.text = l.take("text"); !a.text && !l.take("key") {
			return a, errSyntax
		}
	}
	if l.take(":priority:") {
		switch strings.ToLower(l.word()) {
		case "low":
		case "medium":
			a.priority = store.Medium
		case "high":
			a.priority = store.High
		default:
			return a, errSyntax
		}
	}
	if l.take(":strategy:") {
		if a.latest = l.take("latest"); !a.latest && !l.take("all") {
			return a, errSyntax
		}
	}
	if l.take(":latestN:") {
		if a.depth, err = strconv.Atoi(l.word()); err != nil || a.depth < 0 {
			return a, errSyntax
		}
	}
	if l.take(":notifier:") {
		a.notifier, named = l.word(), true
		if a.notifier == "" || strings.ContainsFunc(a.notifier, unicode.IsSpace) {
			return a, errSyntax
		}
	}
	if err := l.notificationLife(&a); err != nil {
		return a, err
	}
	if a.meta, err = l.fragments(); err != nil {
		return a, err
	}
	if err := l.notificationTarget(&a); err != nil {
		return a, err
	}
	if a.latest && !named {
		return a, syntaxError("For Strategy latest, notifier cannot be null")
	}
	return a, a.checkEphemeral()
}

const maxNotificationID = 248

func isNoID(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
}

// word consumes what comes up to the next colon, which stays.
func (l *line) word() string {
	word := l.rest
	if i := strings.IndexByte(word, ':'); i >= 0 {
		word = word[:i]
	}
	l.rest = l.rest[len(word):]
	return word
}

func (l *line) notificationOp(a *notifyArgs) {
	if !l.option(":update") && l.option(":delete") {
		a.op = store.NotifyDelete
	}
}

// notificationLife consumes what says how long the notification is of use.
func (l *line) notificationLife(a *notifyArgs) error {
	given := l.take(":ttln:")
	if given {
		ms, err := strconv.ParseUint(l.word(), 10, 63)
		if err != nil {
			return errSyntax
		}
		a.life = time.Duration(min(ms, uint64(maxNotificationLife.Milliseconds()))) * time.Millisecond
	}
	if l.take(":eAtn:") {
		if given {
			return syntaxError("notify takes ttln or eAtn, not both")
		}
		asserted, rest := cutTime(l.rest)
		at, err := instant(asserted)
		if err != nil {
			return syntaxError("eAtn is a time such as 2026-10-04T10:45:00.000Z")
		}
		a.expires, l.rest = at, rest
	}
	a.ephemeral = l.option(":eph")
	return nil
}

// notificationTarget consumes ":@recipient:key[@owner][:value]". Without an owner
// all of it is the key.
func (l *line) notificationTarget(a *notifyArgs) error {
	target, rest, ok := strings.Cut(strings.TrimPrefix(l.rest, ":"), ":")
	if !ok || !strings.HasPrefix(l.rest, ":") {
		return errSyntax
	}
	l.rest = ""
	switch {
	case strings.EqualFold(target, "public"): // it has no recipient
	case len(target) > 1 && target[0] == '@' && !strings.ContainsFunc(target[1:], isBreak):
		a.target = target
	default:
		return errSyntax
	}
	key, after, owned := strings.Cut(rest, "@")
	if a.key = key; len(key) < 2 || key[0] == ':' || strings.Contains(key, "::") {
		return errSyntax
	}
	if !owned {
		return nil
	}
	owner, value, valued := strings.Cut(after, ":")
	if a.owner = owner; owner == "" || strings.ContainsFunc(owner, isBreak) || valued && value == "" {
		return errSyntax
	}
	if valued {
		a.value = &value
	}
	return nil
}

// checkEphemeral refuses what an ephemeral notification cannot be.
func (a notifyArgs) checkEphemeral() error {
	for _, forbidden := range []struct {
		given bool
		name  string
	}{{a.op == store.NotifyDelete, "delete"}, {a.meta.ttr != nil, "ttr"}, {a.meta.ccd != nil, "ccd"}} {
		if a.ephemeral && forbidden.given {
			return syntaxError("an ephemeral notification does not take " + forbidden.name)
		}
	}
	return nil
}

// name is the notification's key in full.
func (a notifyArgs) name(self atkey.Sign) string {
	owner := self
	if sign, err := atkey.ParseSign(a.owner); a.owner != "" && err == nil {
		owner = sign
	}
	to, err := atkey.ParseSign(a.target)
	switch {
	case err != nil:
		return ""
	case a.text:
		return string(to) + ":" + a.key
	case hasFold(a.key, "public"):
		return a.key + string(owner)
	}
	return string(to) + ":" + a.key + string(owner)
}

// record is the notification as it is kept. owner is whose the key is.
func (a notifyArgs) record(c *Call, tx *store.Tx, from, to atkey.Sign) store.Notification {
	now := tx.Now()
	n := store.Notification{
		ID: a.id, From: from, To: to, Key: a.name(from), Op: a.op, Text: a.text, Priority: a.priority, Retries: 1,
		Latest: a.latest, Depth: a.depth, Notifier: a.notifier, Life: a.life, Ephemeral: a.ephemeral,
	}
	if n.ID == "" {
		n.ID = enroll.NewID()
	}
	if n.Life == 0 {
		n.Life = c.NotificationLife
	}
	if n.Until = a.expires != nil; n.Until {
		n.Life = min(max(a.expires.Sub(now), 0), maxNotificationLife)
	}
	if a.ephemeral {
		n.Life = min(n.Life, maxEphemeralLife)
	}
	n.Expires = now.Add(n.Life)
	if a.value != nil {
		n.Value = bytesOf(*a.value)
	}
	meta := a.metadata(c.Env.Sign)
	n.Meta = &meta
	return n
}

// metadata is what is kept of the fragments with a notification.
func (a notifyArgs) metadata(self atkey.Sign) store.Meta {
	f, none := a.kept(), int64(0)
	m := store.Meta{CreatedBy: self, TTL: f.ttl, TTB: f.ttb, Immutable: f.immutable, AppMetadata: f.appMetadata, IsEncrypted: a.encrypted()}
	if m.TTL == nil {
		m.TTL = &none
	}
	if m.TTB == nil {
		m.TTB = &none
	}
	for _, asserted := range []struct {
		at   *time.Time
		into *time.Time
	}{{f.createdAt, &m.CreatedAt}, {f.updatedAt, &m.UpdatedAt}, {f.expiresAt, &m.ExpiresAt}, {f.availableAt, &m.AvailableAt}} {
		if asserted.at != nil {
			*asserted.into = *asserted.at
		}
	}
	if f.ttr != nil && (a.op == store.NotifyDelete || a.value != nil) {
		m.TTR, m.CCD = f.ttr, orFalse(f.ccd)
	}
	for name, value := range f.texts {
		if value != "null" {
			*textFields[name](&m) = value
		}
	}
	if m.PubKeyHash == "" || m.HashingAlgo == "" {
		m.PubKeyHash, m.HashingAlgo = "", ""
	}
	return m
}

// kept is the fragments without those that do not travel.
func (a notifyArgs) kept() fragments {
	f := a.meta
	f.isBinary = nil
	f.texts = map[string]string{}
	for name, value := range a.meta.texts {
		if name != "datasignature" && name != "encoding" {
			f.texts[name] = value
		}
	}
	return f
}

// encrypted tells what is believed about the value when nobody says it: keys for
// one atSign are, text and what is public is not.
func (a notifyArgs) encrypted() *bool {
	said := a.meta.isEncrypted
	is := !a.text && said == nil || said != nil && *said
	if !a.text && hasFold(a.key, "public") {
		is = false
	}
	return &is
}

// foreignSender refuses a notification in somebody else's name.
func foreignSender(owner, sender atkey.Sign) error {
	return notAllowed(fmt.Sprintf("%s is not authorized to send notification as %s", owner, sender))
}
