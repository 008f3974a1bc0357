//! A host of the simulated next version: `growth-host FOLDER STORE PACK…` exercises the packs in this order, in one process.

mod exercise;

fn main() {
    let mut words = std::env::args().skip(1);
    let (folder, store) = (words.next().expect("a folder"), words.next().expect("a store"));
    let host = harness_host::Host::builder().search([folder.clone().into()]).store(store).build().expect("a host");
    assert!(host.refused().is_empty(), "{:?}", host.refused());
    for pack in words {
        for line in exercise::lines(&host, &pack).expect("it is served") {
            println!("{line}");
        }
        let file = format!("{folder}/{pack}.so");
        // SAFETY: a kept pack of our own, which the host has just loaded; it is leaked.
        let library = Box::leak(Box::new(unsafe { libloading::Library::new(&file) }.expect(&file)));
        // SAFETY: only the address is taken, here and in the next line.
        let symbol = unsafe { library.get::<*mut std::ffi::c_void>(harness_abi::ROOT_SYMBOL) }.expect("a root");
        let address = unsafe { symbol.try_as_raw_ptr() }.expect("an address");
        // SAFETY: the root symbol of a library that is never unloaded.
        let (root, relation) = unsafe { harness_abi::admit(address) }.expect("a pack");
        println!("{pack}: root: {relation:?}, grown {:?}", root.grown().map(|grown| grown()));
    }
}
