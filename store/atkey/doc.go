// Package atkey is the grammar of names: atSigns and the keys of records.
//
// It guarantees one spelling for one name. Parse and ParseSign fold whatever a
// client typed to the canonical text, refuse what is no name, and from there on
// two names are the same exactly when their values are equal. Parse(k.String())
// gives k back for every Key that Parse made.
//
// The shapes of a key, in canonical text:
//
//	name@owner                 Self        only the owner reads it
//	@bob:name@owner            Shared      @bob may read it too
//	public:name@owner          Public      anyone may read it
//	private:[@bob:]name@owner  Private     the server's own
//	local:name@owner           Local       never leaves the device that wrote it
//	cached:public:name@bob     Public      a copy of another atSign's record
//	cached:@me:name@bob        Shared      likewise
//	privatekey:at_secret       Server      no owner: configkey and _x belong here too
//
// The namespace of a key is the text after the last dot of its name.
package atkey
