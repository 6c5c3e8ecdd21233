package provider

// tables are the rows in the order in which they are tried. Refused sign-ins come before all else, because other replies
// quote them; then each service's own words, then those that any server may use, then codes without words.
var tables = [][]Row{
	m365Auth,
	m365Route,
	m365Send,
	m365Reputation,
	m365Recipient,
	m365Message,
	m365Outbound,
	m365Service,
	exchangeRows,
	googleRows,
	postfixRows,
	eximRows,
	sendmailRows,
	m365Ranges,
	hostedRows,
	blocklistRows,
	genericRows,
	lastRows,
}
