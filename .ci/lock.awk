# A package that is named with an extra stands in a lock file with it and without. Of a name that is missing there pip
# looks for the newest release, and refuses it for want of a hash: the file would fail on the day of that release.
/^[A-Za-z0-9._-]+\[[^]]*\]==/ { print; bare = $0; sub(/\[[^]]*\]/, "", bare); next }
bare != "" && /^ +--hash/ { print; bare = bare "\n" $0; next }
bare != "" { print bare; bare = "" }
{ print }
