package provider

// sovereignDoors are those of the national clouds. Their reply texts were not found apart from the worldwide ones,
// and are taken to be the same.
var sovereignDoors = []Door{
	{
		Kind: Submission, Cloud: GCCHigh, Host: "smtp.office365.us", Aliases: []string{"outlook.office365.us"},
		Ports: []int{587, 25}, TLS: StartTLSRequired, Auth: true, Mechanisms: []string{"LOGIN", "XOAUTH2"},
		Keywords: exchangeKeywords, Reaches: "anyone",
		Needs:  []string{"all that submission needs in the worldwide cloud, with tokens from login.microsoftonline.us"},
		SignIn: "login.microsoftonline.us", Sources: []Source{srcUSGov},
	},
	{
		Kind: DirectSend, Cloud: GCCHigh, Suffixes: []string{".mail.protection.office365.us", ".protection.office365.us"},
		Ports: []int{25}, TLS: StartTLSOptional, Keywords: exchangeKeywords,
		Reaches: "recipients of the tenant whose MX host it is",
		Needs:   []string{"the MX host is named for the first label of the onmicrosoft.us domain, not for the mail domain"},
		Sources: []Source{srcUSGov},
	},
	{
		Kind: Submission, Cloud: DoD, Host: "outlook-dod.office365.us", Aliases: []string{"webmail.apps.mil"},
		Ports: []int{587, 25}, TLS: StartTLSRequired, Auth: true, Mechanisms: []string{"LOGIN", "XOAUTH2"},
		Keywords: exchangeKeywords, Reaches: "anyone",
		SignIn: "login.microsoftonline.us", Sources: []Source{srcUSGov},
	},
	{
		Kind: DirectSend, Cloud: DoD, Suffixes: []string{".protection.apps.mil"},
		Ports: []int{25}, TLS: StartTLSOptional, Keywords: exchangeKeywords,
		Reaches: "recipients of the tenant whose MX host it is", Sources: []Source{srcUSGov},
	},
	{
		Kind: Submission, Cloud: China, Host: "smtp.partner.outlook.cn", Aliases: []string{"partner.outlook.cn"},
		Ports: []int{587, 25}, TLS: StartTLSRequired, Auth: true, Mechanisms: []string{"LOGIN", "XOAUTH2"},
		Keywords: exchangeKeywords, Reaches: "anyone",
		SignIn: "login.partner.microsoftonline.cn", Sources: []Source{srcChina},
	},
	{
		Kind: DirectSend, Cloud: China, Suffixes: []string{".mail.protection.partner.outlook.cn"},
		Ports: []int{25}, TLS: StartTLSOptional, Keywords: exchangeKeywords,
		CertNames: []string{"*.mail.protection.partner.outlook.cn"},
		Reaches:   "recipients of the tenant whose MX host it is", Sources: []Source{srcChina, srcSeen},
	},
}
