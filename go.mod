module github.com/smtptriage/smtptriage

go 1.26
