package types

// Passwd holds the accounts to create, change or delete.
type Passwd struct {
	// Groups are handled before users.
	Groups []PasswdGroup `json:"groups,omitempty" merge:"key"`
	// Users are handled in order.
	Users []PasswdUser `json:"users,omitempty" merge:"key"`
}

// PasswdGroup is one group account.
type PasswdGroup struct {
	// Gid is the group's number; unset lets groupadd choose.
	Gid *int `json:"gid,omitempty"`
	// Name of the group.
	Name string `json:"name" merge:"identity"`
	// PasswordHash is the encrypted password, as in /etc/gshadow.
	PasswordHash *string `json:"passwordHash,omitempty" secret:"true"`
	// ShouldExist false deletes the group; unset means true.
	ShouldExist *bool `json:"shouldExist,omitempty" since:"3.2"`
	// System takes the number from the range of system groups.
	System *bool `json:"system,omitempty"`
}

// PasswdUser is one user account.
type PasswdUser struct {
	// Gecos is the comment field, usually the full name.
	Gecos *string `json:"gecos,omitempty"`
	// Groups are supplementary groups.
	Groups []string `json:"groups,omitempty" merge:"key"`
	// HomeDir is the home directory.
	HomeDir *string `json:"homeDir,omitempty"`
	// Name of the user.
	Name string `json:"name" merge:"identity"`
	// NoCreateHome leaves out the home directory.
	NoCreateHome *bool `json:"noCreateHome,omitempty"`
	// NoLogInit leaves the user out of lastlog and faillog.
	NoLogInit *bool `json:"noLogInit,omitempty"`
	// NoUserGroup creates no group with the user's name.
	NoUserGroup *bool `json:"noUserGroup,omitempty"`
	// PasswordHash is the encrypted password, as in /etc/shadow.
	PasswordHash *string `json:"passwordHash,omitempty" secret:"true"`
	// PrimaryGroup is the name or number of the user's group.
	PrimaryGroup *string `json:"primaryGroup,omitempty"`
	// SSHAuthorizedKeys are public keys that may log in as the user.
	SSHAuthorizedKeys []string `json:"sshAuthorizedKeys,omitempty" merge:"key"`
	// Shell is the login shell.
	Shell *string `json:"shell,omitempty"`
	// ShouldExist false deletes the user; unset means true.
	ShouldExist *bool `json:"shouldExist,omitempty" since:"3.2"`
	// System takes the number from the range of system users.
	System *bool `json:"system,omitempty"`
	// UID is the user's number; unset lets useradd choose.
	UID *int `json:"uid,omitempty"`
}
