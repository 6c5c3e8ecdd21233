package realserver

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// firstID is where the ids of made-up accounts begin, in a range that Debian leaves to local use.
const firstID = 59000

// An account is a user with a group of the same name.
type account struct{ uid, gid int }

// addAccounts writes passwd and group to the server's folder: those of this machine, and the named accounts where it
// does not have them. A script makes them stand in for the machine's with accountsScript.
func (s *Server) addAccounts(names ...string) (map[string]account, error) {
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return nil, err
	}
	group, err := os.ReadFile("/etc/group")
	if err != nil {
		return nil, err
	}
	accounts := make(map[string]account)
	for i, name := range names {
		if a, err := lookUp(name); err == nil {
			accounts[name] = a
			continue
		}
		id := firstID + i
		accounts[name] = account{id, id}
		passwd = fmt.Appendf(passwd, "%s:x:%d:%d::/nonexistent:/usr/sbin/nologin\n", name, id, id)
		group = fmt.Appendf(group, "%s:x:%d:\n", name, id)
	}
	if err := s.write("passwd", string(passwd)); err != nil {
		return nil, err
	}
	return accounts, s.write("group", string(group))
}

// accountsScript puts the files of addAccounts in place, for the server's mount namespace alone.
func (s *Server) accountsScript() string {
	return lines("mount --bind "+s.path("passwd")+" /etc/passwd", "mount --bind "+s.path("group")+" /etc/group")
}

// lookUp finds an account of this machine.
func lookUp(name string) (account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return account{}, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return account{}, err
	}
	gid, err := strconv.Atoi(u.Gid)
	return account{uid, gid}, err
}
