package main

// table lists everything weir can do.
func table() *command {
	return &command{
		name: "weir", summary: "a computing power network in one binary",
		long: "Join machines into one pool, run models on it, trade its capacity, and pay by the token.\nStart with: weir demo",
		subs: []*command{
			demoCommand(), upCommand(), askCommand(), chatCommand(),
			centreCommand(), nodeCommand(), gatewayCommand(),
			tenantCommand(), keyCommand(), marketCommand(), receiptCommand(), ledgerCommand(),
			runCommand(), benchCommand(), modelCommand(), evalCommand(), kernelsCommand(),
			configCommand(), completionCommand(), completeCommand(), versionCommand(),
		},
	}
}
