//! Several kubeconfigs as one, as `kubectl` takes those that `KUBECONFIG` names: of two that say something of one name,
//! only the first counts.

use std::path::Path;

use super::{Context, File, Kubeconfig, NamedCluster, NamedUser, Part};

impl Kubeconfig {
    /// Several as one, the first that says something of a context, cluster or user counting alone. What a file names is
    /// looked for from its own directory.
    #[must_use]
    pub fn merged(files: impl IntoIterator<Item = Kubeconfig>) -> Self {
        let parts = files.into_iter().flat_map(|file| file.parts);
        Kubeconfig {
            parts: parts.collect(),
        }
    }

    /// The names of its contexts, in its order.
    #[must_use]
    pub fn contexts(&self) -> Vec<&str> {
        self.names(File::context_names)
    }

    pub(super) fn cluster_names(&self) -> Vec<&str> {
        self.names(File::cluster_names)
    }

    pub(super) fn user_names(&self) -> Vec<&str> {
        self.names(File::user_names)
    }

    /// Each name once.
    fn names<'k>(&'k self, of: impl Fn(&'k File) -> Vec<&'k str>) -> Vec<&'k str> {
        let mut names = Vec::new();
        for name in self.parts.iter().flat_map(|part| of(&part.file)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The context that counts where none is asked for.
    pub(super) fn current(&self) -> Option<&str> {
        let mut current = self
            .parts
            .iter()
            .map(|part| part.file.current_context.as_deref());
        current.find_map(|name| name.filter(|name| !name.is_empty()))
    }

    pub(super) fn context(&self, name: &str) -> Option<&Context> {
        let mut all = self
            .parts
            .iter()
            .flat_map(|part| part.file.contexts.iter().flatten());
        let found = all.find(|context| context.name == name);
        found.map(|context| &context.context)
    }

    /// A cluster, and where the files that it names are looked for.
    pub(super) fn cluster(&self, name: &str) -> Option<(&NamedCluster, &Path)> {
        self.parts.iter().find_map(|Part { file, directory }| {
            let mut all = file.clusters.iter().flatten();
            let found = all.find(|cluster| cluster.name == name)?;
            Some((found, directory.as_path()))
        })
    }

    /// A user, and where the files that it names are looked for.
    pub(super) fn user(&self, name: &str) -> Option<(&NamedUser, &Path)> {
        self.parts.iter().find_map(|Part { file, directory }| {
            let mut all = file.users.iter().flatten();
            let found = all.find(|user| user.name == name)?;
            Some((found, directory.as_path()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Allowed, KubeconfigError};
    use super::*;

    fn read(text: &str, directory: &str) -> Kubeconfig {
        Kubeconfig::parse(text, Path::new(directory)).unwrap()
    }

    fn server(files: [Kubeconfig; 2], context: Option<&str>) -> Result<String, KubeconfigError> {
        let merged = Kubeconfig::merged(files);
        let access = merged.access(
            context,
            Allowed {
                files: true,
                ..Allowed::default()
            },
        )?;
        Ok(access.endpoint.server().to_owned())
    }

    const FIRST: &str = "
contexts: [{name: dev, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'https://first.example'}}]
users: [{name: u, user: {token: t}}]
";
    const SECOND: &str = "
current-context: prod
contexts: [{name: prod, context: {cluster: d, user: u}}, {name: dev, context: {cluster: d}}]
clusters: [{name: c, cluster: {server: 'https://second.example', certificate-authority: ca.pem}}, {name: d, cluster: {server: 'https://d.example'}}]
users: [{name: u, user: {tokenFile: t, client-certificate: c.pem}}]
";

    #[test]
    fn of_one_name_only_the_first_counts() {
        let both = || [read(FIRST, "/a"), read(SECOND, "/b")];
        assert_eq!(Kubeconfig::merged(both()).contexts(), ["dev", "prod"]);
        // Nothing of the second c or u is mixed in.
        assert_eq!(
            server(both(), Some("dev")).unwrap(),
            "https://first.example"
        );
        // The first that has a current context, and a user of the other file.
        assert_eq!(server(both(), None).unwrap(), "https://d.example");
        let [first, second] = both();
        let swapped = server([second, first], Some("dev"));
        assert_eq!(swapped.unwrap(), "https://d.example");
        let nothing = [read("current-context: ''", "/a"), read(SECOND, "/b")];
        let missing = server(nothing, Some("c")).unwrap_err().to_string();
        assert_eq!(missing, "it has no context \"c\"; it has prod, dev");
    }

    #[test]
    fn a_path_begins_at_the_file_that_has_it() {
        let named = SECOND.replace("{cluster: d, user: u}", "{cluster: c, user: u}");
        let files = [read("clusters: null", "/a"), read(&named, "/b")];
        let error = server(files, None).unwrap_err().to_string();
        assert_eq!(
            error,
            "clusters[c].cluster.certificate-authority names /b/ca.pem, which cannot be read"
        );
    }
}
