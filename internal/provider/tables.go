package provider

// tables are the rows in the order in which they are tried.
var tables = [][]Row{}
var bareCodes, bareStatuses []Row
