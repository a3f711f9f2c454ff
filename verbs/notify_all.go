package verbs

import (
	"strings"
	"unicode"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// notifyAll tells several atSigns of the same, each with an id of its own:
// "notify:all[:update|:delete][:messageType:m][:ttl:n][:ttb:n][:ttr:n][:ccd:b]:@a,@b:key[@owner][:value]".
var notifyAll = define(
	Verb{Name: "notify:all", Usage: "e.g. notify:all:@colin,@bob:key@kevin", Who: enroll.App, Act: "notify"},
	func(l *line) (a notifyArgs, err error) {
		a = notifyArgs{op: store.NotifyUpdate, priority: store.Low, depth: 1, notifier: "system"}
		l.notificationOp(&a)
		if l.take(":messageType:") {
			if a.text = l.take("text"); !a.text && !l.take("key") {
				return a, errSyntax
			}
		}
		if a.meta, err = l.fragments(); err != nil {
			return a, err
		}
		list, rest, ok := strings.Cut(strings.TrimPrefix(l.rest, ":"), ":")
		if !ok || list == "" || !strings.HasPrefix(l.rest, ":") || strings.ContainsFunc(list, unicode.IsSpace) {
			return a, errSyntax
		}
		l.rest = ":@x:" + rest
		if err := l.notificationTarget(&a); err != nil {
			return a, err
		}
		if strings.ContainsFunc(a.key, isBreak) {
			return a, errSyntax
		}
		a.target = list
		return a, nil
	},
	func(c *Call, a notifyArgs) []enroll.Need {
		return []enroll.Need{enroll.ToWrite(subject(a.key+string(c.Env.Sign), a.text, c.Env.Sign))}
	},
	func(c *Call, a notifyArgs) (Reply, error) {
		if owner, err := atkey.ParseSign(a.owner); a.owner != "" && (err != nil || owner != c.Env.Sign) {
			if err != nil {
				return Reply{}, err
			}
			return Reply{}, foreignSender(owner, c.Env.Sign)
		}
		each, err := a.each()
		if err != nil {
			return Reply{}, err
		}
		err = c.DB.Update(func(tx *store.Tx) error {
			for _, one := range each {
				n := one.record(c, tx, c.Env.Sign, atkey.Sign(one.target))
				n.Life, n.Expires = DefaultNotificationLife, tx.Now().Add(DefaultNotificationLife)
				if one.meta.isEncrypted == nil {
					n.Meta.IsEncrypted = orFalse(nil)
				}
				if err := enqueue(tx, n, c.Env.Sign); err != nil {
					return err
				}
			}
			return nil
		})
		o := object{b: []byte(" {")} // clients of this verb expect the blank
		for _, one := range each {
			if len(o.b) > 2 {
				o.b = append(o.b, ',')
			}
			o.b = append(wire.AppendString(o.b, one.target), ':')
			o.b = wire.AppendString(o.b, one.id)
		}
		return Reply{Data: append(o.b, '}')}, err
	},
)

// maxRecipients keeps what one command tells within one transaction.
const maxRecipients = 200

// each is one notification for each recipient.
func (a notifyArgs) each() (each []notifyArgs, err error) {
	seen := map[atkey.Sign]bool{}
	for typed := range strings.SplitSeq(a.target, ",") {
		to, err := atkey.ParseSign(typed)
		if err != nil {
			return nil, err
		}
		if seen[to] {
			continue
		}
		if seen[to] = true; len(seen) > maxRecipients {
			return nil, illegal("notify:all takes 200 recipients at most")
		}
		one := a
		one.target, one.id = string(to), enroll.NewID()
		each = append(each, one)
	}
	return each, nil
}
