"""The commands of `workbench`: thin skins over the public names, one file per family."""
