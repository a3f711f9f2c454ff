package verbs

// Standard returns the verbs of the protocol that this server speaks.
func Standard() *Set {
	return NewSet([]Verb{
		configBlock,
		cram,
		deleteVerb,
		enrollApprove,
		enrollDelete,
		enrollDeny,
		enrollFetch,
		enrollInfoNS,
		enrollList,
		enrollListNS,
		enrollRequest,
		enrollRevoke,
		enrollUnrevoke,
		enrollUpdate,
		exit,
		from,
		info,
		keysDelete,
		keysGet,
		keysPut,
		llookup,
		lookup,
		noop,
		otpGet,
		otpPut,
		pkam,
		scan,
		update,
	})
}
